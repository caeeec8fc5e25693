import type { Clock, Logger } from '@shoal/core'
import type { Swarm } from '@shoal/swarm'
import { fetchBootBlocks } from './boot/fetch-boot-blocks.ts'
import { NodeCache } from './cache/node-cache.ts'
import type { Compositions } from './compose/compositions.ts'
import { openCompositions } from './compose/open-compositions.ts'
import type { PeerConfig } from './config.ts'
import { fetchLayer } from './fetch-layer.ts'
import type { LayerEvents } from './layer-events.ts'
import { LayerHolds } from './layer-holds.ts'
import type { NovaCache } from './nova-cache/nova-cache.ts'
import { openNovaCache } from './nova-cache/open-nova-cache.ts'
import type { PeerSeed } from './peer-seed.ts'
import { layerDirectory, type PeerStorage } from './peer-storage.ts'
import { Reconciler } from './reconciler.ts'

/** What is on this node's disk, and who brings, keeps, composes and removes it. */
export interface PeerContent {
  readonly holds: LayerHolds
  readonly cache: NodeCache
  readonly reconciler: Reconciler
  readonly compositions: Compositions
  readonly novaCache: NovaCache | undefined
}

export interface PeerContentDeps extends PeerStorage, PeerSeed {
  readonly swarm: Swarm
  readonly layerEvents: LayerEvents
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
  /** Closes what is opened. */
  readonly stack: AsyncDisposableStack
  /** Files that boots have made. */
  readonly overlays: () => readonly string[]
  /** A step for a layer has ended, well or not. */
  readonly onStep: () => void
  /** How many bytes layers may have just now. */
  readonly onLimit: (bytes: number) => void
}

/** Opens all of it; nothing is fetched or removed before its parts run. */
export async function openPeerContent(config: PeerConfig, deps: PeerContentDeps): Promise<PeerContent> {
  const { state, store, node, records, seed, trust, grants, swarm, layerEvents, clock, random, logger, stack } = deps
  const holds = new LayerHolds()
  const cache: NodeCache = stack.use(
    await NodeCache.open(
      {
        ...{ store, state, swarm, holds, clock },
        events: layerEvents,
        logger: logger.child({ component: 'cache' }),
        disks: () => [...compositions.files(), ...deps.overlays(), ...(novaCache?.files() ?? [])],
        assignedAt: (digest) => reconciler.assignedAt(digest),
        fetchProfile: (image, { signal }) => fetchBootBlocks(seed, image, { trust, signal }),
        onRoom: () => reconciler.roomIsBack(),
        onLimit: deps.onLimit,
        onCorrupt: (digest) => void reconciler.repair(digest),
      },
      { cache: config.cache, directory: layerDirectory(config) },
    ),
  )
  const reconciler = new Reconciler(
    {
      ...{ store, swarm, holds, clock, random, logger },
      events: layerEvents,
      room: cache.room,
      evicted: cache.evicted,
      usersOf: (digest) => cache.pins.usersOf(digest),
      onPurged: (digest) => cache.cache.purged(digest),
      onStep: () => {
        novaCache?.notice()
        deps.onStep()
      },
      fetchLayer: (digest, { signal }) => fetchLayer(seed, digest, { trust, taken: records, grants, signal }),
      mayRepair: ({ infoHash }) => grants?.has(infoHash) !== false,
    },
    { intervalMs: config.reconcile.intervalMs },
  )
  const shared: Pick<Parameters<typeof openCompositions>[1], 'isWithdrawn' | 'reserve' | 'onUse'> = {
    isWithdrawn: (digest) => reconciler.isRevoked(digest),
    reserve: (path, bytes) => cache.reserveDisk(path, bytes),
    onUse: ({ manifest }) => cache.uses.used(manifest.digest, manifest.sizeBytes),
  }
  const compositions: Compositions = stack.use(
    await openCompositions(config, { ...{ state, store, holds, clock, logger }, ...shared }),
  )
  const novaCache: NovaCache | undefined = await openNovaCache(config, {
    ...{ state, store, holds, node, clock, random, logger },
    ...shared,
  })
  return { holds, cache, reconciler, compositions, novaCache }
}
