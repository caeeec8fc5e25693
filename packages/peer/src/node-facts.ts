import { hostname } from 'node:os'
import type { NodeRegistration } from '@shoal/api'
import { parseNodeId } from '@shoal/core'
import type { LayerDescription, LayerStore } from '@shoal/layer-store'
import type { Swarm } from '@shoal/swarm'
import type { PeerConfig } from './config.ts'
import { peerError } from './errors.ts'
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
  { swarm, store, apiUrl }: { swarm: Swarm; store: LayerStore; apiUrl: string },
): Promise<NodeRegistration> {
  const { allocatedBytes, freeBytes } = await store.usage()
  return {
    zone: config.zone,
    rack: config.rack,
    swarmAddress: swarm.address,
    swarmPeerId: swarm.peerId,
    dhtAddress: swarm.dhtAddress,
    apiUrl: reachableUrl(apiUrl, swarm.address),
    capacityBytes: Math.min(config.capacityBytes ?? Number.MAX_SAFE_INTEGER, allocatedBytes + freeBytes),
    version,
  }
}

/** Checks that a layer fits into what this node offers. What it throws is `SHOAL_PEER_CAPACITY`. */
export function admission(
  config: PeerConfig,
  store: LayerStore,
): (layer: LayerDescription, underWayBytes: number) => void {
  return ({ manifest: { digest, sizeBytes } }, underWayBytes) => {
    const { capacityBytes } = config
    const usedBytes = store.layers().reduce((sum, { manifest }) => sum + manifest.sizeBytes, underWayBytes)
    if (capacityBytes === null || usedBytes + sizeBytes <= capacityBytes) return
    throw peerError('SHOAL_PEER_CAPACITY', { layer: digest, sizeBytes, usedBytes, capacityBytes })
  }
}

/** The API's URL for other machines; `null` when it is bound to the loopback. */
function reachableUrl(apiUrl: string, swarmAddress: string): string | null {
  const url = new URL(apiUrl)
  if (LOOPBACK.test(url.hostname)) return null
  if (WILDCARD.test(url.hostname)) url.hostname = swarmAddress.slice(0, swarmAddress.lastIndexOf(':'))
  return url.origin
}
