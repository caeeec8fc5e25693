import { hostname } from 'node:os'
import type { NodeRegistration } from '@shoal/api'
import { parseNodeId } from '@shoal/core'
import type { Swarm } from '@shoal/swarm'
import type { NodeCache } from './cache/node-cache.ts'
import type { PeerConfig } from './config.ts'
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
  return {
    zone: config.zone,
    rack: config.rack,
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
  if (WILDCARD.test(url.hostname)) url.hostname = swarmAddress.slice(0, swarmAddress.lastIndexOf(':'))
  return url.origin
}
