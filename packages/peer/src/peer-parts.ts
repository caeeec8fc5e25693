import type { DesiredState, ToldTrust } from '@shoal/api'
import { type Clock, type Logger, type ShoalError, steadyClock } from '@shoal/core'
import { createHealth, createMetrics, FloodWatch, type Health, type Metrics } from '@shoal/service'
import type { Swarm } from '@shoal/swarm'
import { BanLog } from './ban-log.ts'
import { type NodeBoots, openBoots } from './boot/boots-open.ts'
import { swarmSource } from './boot/swarm-source.ts'
import type { PeerConfig } from './config.ts'
import { EventQueue } from './event-queue.ts'
import { takeInventory } from './inventory.ts'
import { LayerEvents } from './layer-events.ts'
import { registration } from './node-facts.ts'
import { openPeerContent, type PeerContent } from './peer-content.ts'
import { createPeerDialogue, type PeerDialogue } from './peer-dialogue.ts'
import { openPeerSeed, type PeerSeed } from './peer-seed.ts'
import { openStorage, type PeerStorage } from './peer-storage.ts'
import { createPeerSwarm, dhtKeysOf, introduce } from './peer-swarm.ts'

/** All that a peer daemon is made of. */
export interface PeerParts extends PeerStorage, PeerSeed, PeerContent, PeerDialogue {
  readonly metrics: Metrics
  readonly health: Health
  readonly floods: FloodWatch
  readonly swarm: Swarm
  readonly events: EventQueue
  readonly layerEvents: LayerEvents
  readonly booting: NodeBoots
  readonly bans: BanLog
  readonly startedAt: string
}

export interface PeerPartsDeps {
  readonly logger: Logger
  readonly clock: Clock
  readonly random: () => number
  /** Closes what is opened. */
  readonly stack: AsyncDisposableStack
  /** Base URL of this node's own API, once it listens. */
  readonly apiUrl: () => string
  readonly onRefused: (error: ShoalError) => void
}

/** Builds everything bottom-up; what machines read is served at once, the rest begins when it is run. */
export async function openPeerParts(
  config: PeerConfig,
  { stack, apiUrl, onRefused, ...deps }: PeerPartsDeps,
  { signal }: { signal?: AbortSignal | undefined },
): Promise<PeerParts> {
  const { logger, clock } = deps
  const [metrics, health] = [createMetrics(), createHealth()]
  const floods = new FloodWatch({
    ...{ metrics, health, logger: logger.child({ component: 'floods' }) },
    onFlood: (flood) => void layerEvents.flooded(flood),
  })
  const storage = await openStorage(config, { clock, logger, stack })
  const known = await openPeerSeed(config, { ...deps, state: storage.state, stack }, { signal })
  const { node, records, seed, trust, limits } = known
  const swarm = await createPeerSwarm(config, { ...deps, ...known, store: storage.store })
  const events = new EventQueue({ state: storage.state, logger, onAdded: () => dialogue.heartbeat.hurry() })
  const layerEvents = new LayerEvents({ queue: events, records, clock })
  const content = await openPeerContent(config, {
    ...{ ...deps, ...storage, ...known, swarm, layerEvents, stack },
    overlays: () => booting.overlays.files(),
    onStep: () => {
      known.grants?.notice()
      booting.notice.ring()
    },
    onLimit: (bytes) => dialogue.enrollment.noteCapacity(bytes),
  })
  const { reconciler, cache, holds } = content
  const stopping = new AbortController()
  stack.defer(() => stopping.abort(new Error('the peer is stopping')))
  const inventory = () =>
    takeInventory({ ...storage, swarm, reconciler, limits, pinned: cache.pinned, boots: booting.boots, clock })
  const dialogue: PeerDialogue = createPeerDialogue(config, {
    ...{ ...deps, ...known, events, cache, inventory, onRefused },
    registration: () => registration(config, { swarm, cache, apiUrl: apiUrl() }),
    onEnrolled: (enrollment) => {
      introduce(swarm, enrollment)
      reconciler.setOrigin(enrollment.originAddress)
    },
    onDesired: (desired) => follow({ ...known, ...content, swarm, booting }, desired, stopping),
    onRevocations: (revision) => void known.member?.noteRevocations(revision, seed, stopping),
  })
  // Machines whose connection broke when the last run ended wait for their disks: these come before the swarm and the seed.
  const booting: NodeBoots = await openBoots(config, {
    ...{ ...deps, ...storage, holds, seed, events, reconciler, node, floods, trust },
    uses: cache.uses,
    source: swarmSource({ swarm, clock: steadyClock }),
    onUnknown: () => dialogue.enrollment.request(),
  })
  stack.use(booting)
  seed.onReturn(() => {
    reconciler.seedIsBack()
    booting.wants.notice()
    booting.notice.ring()
  })
  return {
    ...{ ...storage, ...known, ...content, ...dialogue, metrics, health, floods, swarm, events, layerEvents, booting },
    bans: new BanLog(clock),
    startedAt: new Date(clock.now()).toISOString(),
  }
}

type Following = PeerSeed & PeerContent & Pick<PeerParts, 'swarm' | 'booting'>

/** Hands on what the seed wants of this node. */
function follow(parts: Following, state: DesiredState, { signal }: { signal: AbortSignal }): void {
  const { limits, swarm, cache, reconciler, grants, booting, novaCache } = parts
  limits.setFleet(state.limits)
  swarm.setGiving(state.mode?.mode !== 'quarantined')
  swarm.setRefused(state.refused ?? [])
  cache.setDesired(state)
  reconciler.setDesired(state)
  grants?.notice()
  booting.prefetches.setAssigned(state.assignments)
  novaCache?.setImages(state.images)
  if (state.trust !== undefined) followTrust(parts, state.trust, { signal })
}

function followTrust({ swarm, trust, member, seed }: Following, told: ToldTrust, { signal }: { signal: AbortSignal }) {
  if (told.dhtKeys !== undefined) swarm.setDhtKeys(dhtKeysOf(told))
  void trust.note(told.keys, { signal })
  void member?.noteRevocations(told.revocations, seed, { signal })
}
