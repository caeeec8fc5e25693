import { loadavg } from 'node:os'
import {
  type Boot,
  type BootGlance,
  type Inventory,
  type LayerInventory,
  MAX_NODE_LAYERS,
  MAX_TOLD_BOOTS,
  type PeerLayer,
} from '@shoal/api'
import { type Clock, type Digest, parseDigest } from '@shoal/core'
import type { LayerStore, StoredLayer } from '@shoal/layer-store'
import type { LayerSwarm, LayerSwarmStats, Swarm } from '@shoal/swarm'
import { type ArrivalSource, presentFlows, takeSamples, withArrivals } from './arrival-report.ts'
import type { PinnedLayers } from './cache/pinned-layers.ts'
import { errorBody } from './error-body.ts'
import type { LayerFailure } from './layer-failures.ts'
import type { NodeLimitsKeeper } from './node-limits.ts'
import { pieceMap } from './piece-map.ts'
import type { Reconciler } from './reconciler.ts'
import { isNoAnswer } from './seed-link.ts'

type JoinedLayer = Pick<LayerSwarm, 'stats'> & { readonly arrivals: ArrivalSource }

export interface InventoryDeps {
  readonly store: LayerStore
  readonly swarm: Pick<Swarm, 'stats'> & {
    get(digest: Digest): JoinedLayer | undefined
  }
  readonly reconciler: Pick<Reconciler, 'missing' | 'failure' | 'endedAssignment'>
  readonly pinned: Pick<PinnedLayers, 'has'>
}

/** Maps of so many layers are told; a node that fetches more of them at once is not looked at layer by layer. */
const MAX_MAPS = 64

/** Every layer this node holds or wants, and where. */
export function peerLayers({ store, swarm, reconciler, pinned }: InventoryDeps): PeerLayer[] {
  const held = store.layers().map((stored) => {
    const { digest } = stored.manifest
    const layer = heldLayer(stored, swarm.get(digest)?.stats(), reconciler.failure(digest))
    const isPinned = pinned.has(digest)
    return { path: stored.path, ...layer, isPinned, ...evicted(reconciler.endedAssignment(digest)) }
  })
  const missing = reconciler.missing().map(({ digest, sizeBytes }) => {
    const layer = missingLayer(digest, sizeBytes, reconciler.failure(digest))
    return { path: '', ...layer, ...evicted(reconciler.endedAssignment(digest)) }
  })
  return [...held, ...missing].slice(0, MAX_NODE_LAYERS)
}

/** What the seed is told at each heartbeat. */
export async function takeInventory(
  deps: InventoryDeps & {
    readonly limits: Pick<NodeLimitsKeeper, 'effective'>
    readonly pinned: PinnedLayers
    readonly boots: { list(): Boot[] }
    readonly clock: Clock
  },
): Promise<Inventory> {
  await deps.pinned.look()
  const { allocatedBytes, freeBytes } = await deps.store.usage()
  const { upBytesPerSecond, downBytesPerSecond } = deps.swarm.stats()
  const boots = newestBoots(deps.boots.list())
  const swarms = joinedSwarms(deps)
  const flows = presentFlows(swarms)
  const samples = takeSamples(swarms, deps.clock.now())
  return {
    layers: withArrivals(withMaps(peerLayers(deps), deps.store), (digest) => {
      return deps.swarm.get(parseDigest(digest))?.arrivals
    }).map(({ path: _path, ...layer }) => layer),
    diskFreeBytes: freeBytes,
    diskUsedBytes: allocatedBytes,
    upBytesPerSecond,
    downBytesPerSecond,
    load1: loadavg()[0] ?? 0,
    limits: deps.limits.effective,
    ...(boots.length === 0 ? {} : { boots }),
    ...(flows.length === 0 ? {} : { flows }),
    ...(samples.length === 0 ? {} : { samples }),
  }
}

function joinedSwarms({ store, swarm }: Pick<InventoryDeps, 'store' | 'swarm'>) {
  return store.layers().flatMap(({ manifest: { digest } }) => {
    const arrivals = swarm.get(digest)?.arrivals
    return arrivals === undefined ? [] : [{ digest, arrivals }]
  })
}

/** Adds which parts are here to the layers that are on their way. */
function withMaps(layers: readonly PeerLayer[], store: LayerStore): PeerLayer[] {
  let left = MAX_MAPS
  return layers.map((layer) => {
    const stored =
      layer.state !== 'complete' && layer.presentBytes > 0 && left > 0
        ? store.get(parseDigest(layer.digest))
        : undefined
    if (stored === undefined) return layer
    left -= 1
    return { ...layer, map: pieceMap(stored.present) }
  })
}

function newestBoots(boots: readonly Boot[]): BootGlance[] {
  const newest = [...boots].sort((a, b) => (a.preparedAt < b.preparedAt ? 1 : -1)).slice(0, MAX_TOLD_BOOTS)
  return newest.map(({ name, image, state, error, presentBytes, totalBytes, reads, preparedAt, spans }) => {
    const problem = error?.message.slice(0, 1000) ?? null
    return { name, image, state, problem, presentBytes, totalBytes, reads, preparedAt, spans }
  })
}

function heldLayer(
  stored: StoredLayer,
  stats: LayerSwarmStats | undefined,
  failure: LayerFailure | undefined,
): LayerInventory {
  return {
    digest: stored.manifest.digest,
    state: stored.isComplete
      ? 'complete'
      : (failedState(failure) ?? ((stats?.peers ?? 0) > 0 ? 'fetching' : 'waiting')),
    presentBytes: stored.presentBytes,
    sizeBytes: stored.manifest.sizeBytes,
    fromOriginBytes: stats?.fromOriginBytes ?? 0,
    fromPeersBytes: stats?.fromPeersBytes ?? 0,
    uploadedBytes: stats?.uploadedBytes ?? 0,
    peers: stats?.peers ?? 0,
    error: failure === undefined ? null : errorBody(failure.error),
  }
}

function missingLayer(digest: string, sizeBytes: number, failure: LayerFailure | undefined): LayerInventory {
  return {
    digest,
    state: failedState(failure) ?? 'waiting',
    presentBytes: 0,
    sizeBytes,
    fromOriginBytes: 0,
    fromPeersBytes: 0,
    uploadedBytes: 0,
    peers: 0,
    error: failure === undefined ? null : errorBody(failure.error),
  }
}

/** Of a layer that had to go, or is about to: its assignment has ended. */
function evicted(evictedAssignment: string | undefined): Partial<LayerInventory> {
  return evictedAssignment === undefined ? {} : { state: 'evicted', evictedAssignment, error: null }
}

/** A seed that does not answer is no failure of the layer: it waits. */
function failedState(failure: LayerFailure | undefined): 'failed' | undefined {
  return failure === undefined || isNoAnswer(failure.error) ? undefined : 'failed'
}
