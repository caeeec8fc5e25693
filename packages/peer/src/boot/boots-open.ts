import { join } from 'node:path'
import { type Clock, type Logger, steadyClock } from '@shoal/core'
import type { LayerStore } from '@shoal/layer-store'
import type { FloodWatch } from '@shoal/service'
import type { StateStore } from '@shoal/state'
import type { NodeCache } from '../cache/node-cache.ts'
import type { PeerConfig } from '../config.ts'
import type { EventQueue } from '../event-queue.ts'
import type { LayerHolds } from '../layer-holds.ts'
import type { Reconciler } from '../reconciler.ts'
import type { SeedLink } from '../seed-link.ts'
import type { SignatureTrust } from '../signature-trust.ts'
import { NbdBlockServer } from './block-server.ts'
import type { BlockSource } from './block-source.ts'
import { BootOverlays } from './boot-overlay.ts'
import { BootRecords } from './boot-record.ts'
import { Boots, type BootsDeps } from './boots.ts'
import { Companions } from './boots-companions.ts'
import { BootEvents } from './boots-events.ts'
import { Notice } from './boots-notice.ts'
import { BootObserver } from './boots-observer.ts'
import { openSocketDirectory, socketMode } from './boots-sockets.ts'
import { BootWants } from './boots-wants.ts'
import { fetchBootBlocks } from './fetch-boot-blocks.ts'
import { ProfileHits } from './profile-hits.ts'
import { ProfilePrefetches } from './profile-prefetches.ts'

export interface OpenBootsDeps extends Pick<BootsDeps, 'onUnknown'> {
  readonly floods: Pick<FloodWatch, 'refused'>
  readonly source: BlockSource
  readonly trust: SignatureTrust
  readonly state: StateStore
  readonly store: LayerStore
  readonly holds: LayerHolds
  readonly seed: SeedLink
  readonly events: EventQueue
  readonly reconciler: Reconciler
  readonly uses: NodeCache['uses']
  readonly node: string
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
}

/** The boots of a node, put together. */
export interface NodeBoots extends AsyncDisposable {
  readonly boots: Boots
  readonly wants: BootWants
  readonly prefetches: ProfilePrefetches
  /** Passes on what machines read. */
  readonly observer: BootObserver
  /** Overlays that were made for them. */
  readonly overlays: BootOverlays
  /** A layer may have come, or the seed may be back. */
  readonly notice: Notice
}

/**
 * Opens what this node serves, which it begins to serve at once. Throws `SHOAL_BOOT_DIRECTORY` and
 * `SHOAL_BOOT_SOCKET_GROUP`.
 */
export async function openBoots(config: PeerConfig, deps: OpenBootsDeps): Promise<NodeBoots> {
  const { state, store, holds, seed, reconciler, uses, node, clock, random, source, onUnknown } = deps
  const logger = deps.logger.child({ component: 'boot' })
  const notice = new Notice(clock)
  const prefetches = new ProfilePrefetches(
    {
      ...{ source, store, random, logger, clock: steadyClock },
      fetch: (image, { signal }) => fetchBootBlocks(seed, image, { trust: deps.trust, signal }),
      onYoung: () => reconciler.setResting(prefetches.youngLayers),
    },
    { restWaitsMs: config.boot.restWaitsMs },
  )
  const companions = new Companions({ seed, prefetches, clock, readClock: steadyClock, random, logger }, { node })
  const hits = new ProfileHits()
  const observer = new BootObserver({
    ...{ companions, prefetches, hits, clock },
    events: new BootEvents({ queue: deps.events, clock, logger }),
    askedAt: (name) => boots.askedAt(name),
    isOpen: (name) => boots.isOpen(name),
    onSpans: (name, spans) => boots.note(name, spans),
    readClock: steadyClock,
  })
  const server = new NbdBlockServer(
    {
      onRefused: () => deps.floods.refused('nbd-connection'),
      source,
      store,
      clock: steadyClock,
      random,
      logger,
      observe: (boot) => observer.observe(boot),
    },
    {
      directory: await openSocketDirectory(config),
      mode: socketMode(config),
      readTimeoutMs: config.boot.readTimeoutMs,
    },
  )
  const wanted = () => boots.images()
  const wants = new BootWants({ state, seed, wanted, hits, clock, random, logger }, { node })
  const overlays = new BootOverlays({ state }, { directory: join(config.stateDirectory, 'overlays') })
  const boots = new Boots(
    {
      ...{ store, holds, wants, overlays, server, notice, clock, random, logger, companions, onUnknown },
      records: new BootRecords(state),
      isWithdrawn: (digest) => reconciler.isRevoked(digest),
      failureOf: (digest) => reconciler.failure(digest)?.error,
      onNeeds: () => {
        reconciler.setNeeded(boots.layers())
        wants.notice()
      },
      // One that is only about to be assigned is counted by that.
      onUse: ({ manifest: { digest, sizeBytes } }) => {
        if (reconciler.assignedAt(digest) !== undefined) uses.used(digest, sizeBytes)
      },
    },
    { recordings: config.boot.record },
  )
  await overlays.open()
  await wants.open()
  await boots.open()
  const close = async () => {
    await boots[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
    await companions[Symbol.asyncDispose]()
    await prefetches[Symbol.asyncDispose]()
  }
  return { boots, wants, overlays, prefetches, observer, notice, [Symbol.asyncDispose]: close }
}
