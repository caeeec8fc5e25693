import { hostname } from 'node:os'
import type { NodeRegistration } from '@shoal/api'
import { parseNodeId } from '@shoal/core'
import type { Swarm } from '@shoal/swarm'
import type { NodeCache } from './cache/node-cache.ts'
import type { PeerConfig } from './config.ts'
import { linkBytesPerSecond } from './link-speed.ts'
import { version } from './version.ts'

const LOOPBACK = /^(127\.[\d.]+|localhost|\[::1\])$/
const WILDCARD = /^(0\.0\.0\.0|\[::\])$/

/** The name of this node. Throws `SHOAL_NODE_ID_INVALID` when the host name will not do. */
export function nodeName(config: PeerConfig): string {
  return config.node ?? parseNodeId(hostname().toLowerCase())
}

/** What this node says about itself. */
export async function registration(
  config: PeerConfig,
  { swarm, cache, apiUrl }: { swarm: Swarm; cache: Pick<NodeCache, 'limitBytes'>; apiUrl: string },
): Promise<NodeRegistration> {
  const { zone, rack, aggregates } = config
  return {
    ...{ zone, rack, aggregates: [...aggregates] },
    linkBytesPerSecond: config.linkBytesPerSecond ?? (await linkRate([config.swarm.host, hostOf(swarm.address)])),
    swarmAddress: swarm.address,
    swarmPeerId: swarm.peerId,
    dhtAddress: swarm.dhtAddress,
    apiUrl: reachableUrl(apiUrl, swarm.address),
    capacityBytes: await cache.limitBytes(),
    version,
  }
}

/** The API's URL for other machines; `null` when it is bound to the loopback. */
function reachableUrl(apiUrl: string, swarmAddress: string): string | null {
  const url = new URL(apiUrl)
  if (LOOPBACK.test(url.hostname)) return null
  if (WILDCARD.test(url.hostname)) url.hostname = hostOf(swarmAddress)
  return url.origin
}

/** Of the first address that this machine has an interface for. */
async function linkRate(hosts: readonly string[]): Promise<number | null> {
  for (const host of hosts) {
    const rate = await linkBytesPerSecond(host)
    if (rate !== null) return rate
  }
  return null
}

function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':'))
}
