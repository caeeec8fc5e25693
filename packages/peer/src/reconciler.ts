import type { DesiredState } from '@shoal/api'
import {
  type Clock,
  type Digest,
  errorCode,
  type Logger,
  type Manifest,
  parseDigest,
  type ShoalError,
} from '@shoal/core'
import type { LayerDescription, LayerStore, StoredLayer } from '@shoal/layer-store'
import { DEFAULT_LAYER_TERMS, type LayerSwarm, type LayerTerms, type Swarm } from '@shoal/swarm'
import { Alarm } from './alarm.ts'
import type { EvictedLayers } from './cache/evicted-layers.ts'
import { layerError } from './error-body.ts'
import { peerError } from './errors.ts'
import type { LayerEvents } from './layer-events.ts'
import { type LayerFailure, LayerFailures } from './layer-failures.ts'
import type { LayerHolds } from './layer-holds.ts'
import { layerTerms } from './layer-terms.ts'
import { withoutRoom } from './layer-without-room.ts'
import { type LayerAction, nextAction } from './next-action.ts'
import { isNoAnswer } from './seed-link.ts'

/** Layers dealt with at once. Those that wait for the seed have places of their own, so that a dead seed delays no other. */
const MAX_TASKS = 8
const MAX_OBTAINS = 4

/** Of what a machine waits for, above whatever is assigned. */
const NEEDED_PRIORITY = 90

/** The part of a swarm that is needed here. */
export type SwarmPort = Pick<Swarm, 'join' | 'leave'> & {
  get(digest: Digest): Pick<LayerSwarm, 'addPeers' | 'refresh' | 'setTerms' | 'stats'> | undefined
}

/** Room on the disk for layers that are on their way. */
export interface RoomPort {
  /** Promises room for all of a layer; throws a coded error when there is none, and none can be made. */
  reserve(manifest: Manifest): Promise<void>
  /** It is there, or does not come. */
  end(digest: Digest): void
}

export interface ReconcilerDeps {
  readonly store: LayerStore
  readonly swarm: SwarmPort
  /** Layers whose files are read: they are removed afterwards. */
  readonly holds: LayerHolds
  readonly room: RoomPort
  /** Assignments that ended because their layer had to go. */
  readonly evicted: Pick<EvictedLayers, 'has'>
  /** Processes that have a layer's file open, for people. */
  readonly usersOf: (digest: Digest) => Promise<readonly string[]>
  /** A step for a layer has ended, well or not. */
  readonly onStep?: () => void
  /** A layer that was withdrawn is gone. */
  readonly onPurged: (digest: Digest) => void
  /** Fetches and checks what describes a layer. */
  readonly fetchLayer: (digest: Digest, options: { signal: AbortSignal }) => Promise<LayerDescription>
  /** Whether blocks that were lost of a layer that nobody wants here any more would be given; default is yes. */
  readonly mayRepair?: (manifest: Manifest) => boolean
  readonly events: LayerEvents
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
}

export interface ReconcilerOptions {
  /** The longest time between two looks at everything. */
  readonly intervalMs: number
}

interface Wanted {
  readonly terms: LayerTerms
  readonly peers: readonly string[]
  readonly sizeBytes: number
  readonly assignedAt: string
}

/**
 * Brings the layers of this node towards the desired state: one small step a layer at a time, all layers side by side, so
 * that one that fails or waits for the network holds up no other. Its state changes only in synchronous code.
 */
export class Reconciler {
  readonly #deps: ReconcilerDeps
  readonly #options: ReconcilerOptions
  readonly #alarm: Alarm
  readonly #failures: LayerFailures
  readonly #busy = new Map<Digest, { readonly action: LayerAction; readonly done: Promise<void> }>()
  /** Layers that were whole and lost blocks: they are fetched whether they are assigned or not. */
  readonly #repairing = new Set<Digest>()
  /** Layers that machines read and for which there is no room: joined for what somebody waits for only. */
  readonly #roomless = new Set<Digest>()
  #wanted: ReadonlyMap<Digest, Wanted> | undefined
  #needed: ReadonlySet<Digest> = new Set()
  #resting: ReadonlySet<Digest> = new Set()
  #revoked: ReadonlySet<Digest> = new Set()
  #originAddress: string | null = null

  constructor(deps: ReconcilerDeps, options: ReconcilerOptions) {
    this.#deps = deps
    this.#options = options
    this.#alarm = new Alarm(deps.clock)
    this.#failures = new LayerFailures(deps)
    deps.holds.onFreed(() => this.#alarm.ring())
  }

  /** Takes the desired state; the steps follow in {@link run}. */
  setDesired(desired: DesiredState): void {
    const wanted = desired.assignments.map((assignment) => {
      const { layer, peers, sizeBytes, assignedAt = '' } = assignment
      return [parseDigest(layer), { terms: layerTerms(assignment), peers, sizeBytes, assignedAt }] as const
    })
    this.#wanted = new Map(
      wanted.sort(([, { terms: a }], [, { terms: b }]) => b.priority - a.priority || a.wave - b.wave),
    )
    for (const digest of this.#wanted.keys()) this.#deps.swarm.get(digest)?.setTerms(this.#termsOf(digest))
    this.#revoked = new Set(desired.revoked.map(parseDigest))
    const isOurs = (digest: Digest) => this.#wanted?.has(digest) || this.#needed.has(digest)
    this.#failures.prune((digest) => isOurs(digest) || this.#deps.store.get(digest) !== undefined)
    this.#alarm.ring()
  }

  /** Takes what this node itself needs, whether it is assigned or not: machines read it, or are about to. */
  setNeeded(digests: ReadonlySet<Digest>): void {
    const before = this.#needed
    const changed = differences(digests, before)
    this.#needed = digests
    for (const digest of changed) {
      // What failed when nobody waited for it is tried again at once.
      if (digests.has(digest)) this.#failures.clear(digest)
      this.#deps.swarm.get(digest)?.setTerms(this.#termsOf(digest))
    }
    if (changed.length > 0) this.#alarm.ring()
  }

  /** Takes the layers of which nothing is fetched now but what boots read. */
  setResting(digests: ReadonlySet<Digest>): void {
    const changed = differences(digests, this.#resting)
    this.#resting = digests
    for (const digest of changed) this.#deps.swarm.get(digest)?.setTerms(this.#termsOf(digest))
  }

  setOrigin(address: string | null): void {
    if (address === this.#originAddress) return
    this.#originAddress = address
    this.#alarm.ring()
  }

  seedIsBack(): void {
    this.#failures.seedIsBack()
    this.#alarm.ring()
  }

  /** Space became free, or may be made now. */
  roomIsBack(): void {
    this.#failures.roomIsBack()
    this.#alarm.ring()
  }

  /** Whether the seed has withdrawn a layer. */
  isRevoked(digest: Digest): boolean {
    return this.#revoked.has(digest)
  }

  /** Layers that are wanted and not stored, with their sizes. */
  missing(): { digest: Digest; sizeBytes: number }[] {
    const { store } = this.#deps
    return [...(this.#wanted ?? [])]
      .filter(([digest]) => store.get(digest) === undefined && !this.#revoked.has(digest))
      .map(([digest, { sizeBytes }]) => ({ digest, sizeBytes }))
  }

  /** What is stored of what this node should hold or needs. */
  belonging(): Manifest[] {
    const manifests = this.#deps.store.layers().map(({ manifest }) => manifest)
    const isOurs = (digest: Digest) => this.#needed.has(digest) || this.#isWanted(digest)
    return manifests.filter(({ digest }) => isOurs(digest) && !this.#revoked.has(digest))
  }

  /** When a layer was assigned that this node should hold. */
  assignedAt(digest: Digest): string | undefined {
    return this.#wanted?.get(digest)?.assignedAt
  }

  /** The assignment of a layer that had to go, for as long as the seed has not taken it back. */
  endedAssignment(digest: Digest): string | undefined {
    const assignedAt = this.assignedAt(digest)
    return assignedAt !== undefined && this.#deps.evicted.has(digest, assignedAt) ? assignedAt : undefined
  }

  /** What is wrong with a layer now. */
  failure(digest: Digest): LayerFailure | undefined {
    const failure = this.#failures.get(digest)
    const stored = this.#deps.store.get(digest)
    if (failure === undefined || stored === undefined || failure.action === 'drop') return failure
    // The swarm retries a failed write by itself: it worked when more is present than when it failed.
    return stored.isComplete || stored.presentBytes > failure.presentBytes ? undefined : failure
  }

  /** The swarm could not store a block; it pauses that layer and tries again by itself. */
  onStoreError(digest: Digest, error: ShoalError): void {
    this.#onFailure(digest, 'store', error)
  }

  /** Blocks of a layer were bad and are dropped: they are fetched again. */
  async repair(digest: Digest): Promise<void> {
    this.#repairing.add(digest)
    await this.#deps.events.started(digest)
    this.#deps.swarm.get(digest)?.refresh()
    this.#alarm.ring()
  }

  /** The swarm has fetched the last block. */
  onComplete(digest: Digest): void {
    const stored = this.#deps.store.get(digest)
    this.#failures.clear(digest)
    this.#repairing.delete(digest)
    this.#deps.room.end(digest)
    if (stored !== undefined) void this.#deps.events.complete(stored, this.#deps.swarm.get(digest)?.stats())
  }

  /** Works until aborted, then waits for the steps under way. */
  async run({ signal }: { signal: AbortSignal }): Promise<void> {
    try {
      while (!signal.aborted) {
        this.#step(signal)
        await this.#alarm.wait(Math.min(this.#options.intervalMs, this.#failures.nextDueMs()), { signal })
      }
    } finally {
      await Promise.all([...this.#busy.values()].map(({ done }) => done))
    }
  }

  #step(signal: AbortSignal): void {
    for (const digest of this.#digests()) {
      if (this.#busy.has(digest)) continue
      const action = this.#nextAction(digest)
      if (action === undefined) {
        this.#namePeers(digest)
        continue
      }
      if (!this.#hasPlace(action) || !this.#failures.isDue(digest, action)) continue
      const done = this.#run(digest, action, signal).finally(() => {
        this.#busy.delete(digest)
        this.#alarm.ring()
        this.#deps.onStep?.()
      })
      this.#busy.set(digest, { action, done })
    }
  }

  #hasPlace(action: LayerAction): boolean {
    const isObtain = action === 'obtain'
    const taken = [...this.#busy.values()].filter((task) => (task.action === 'obtain') === isObtain).length
    return taken < (isObtain ? MAX_OBTAINS : MAX_TASKS)
  }

  /** What is revoked goes first, then what is needed, then what is wanted in its order, then what is merely held. */
  #digests(): Set<Digest> {
    const held = this.#deps.store.layers().map(({ manifest }) => manifest.digest)
    const revoked = held.filter((digest) => this.#revoked.has(digest))
    return new Set([...revoked, ...this.#needed, ...(this.#wanted?.keys() ?? []), ...held])
  }

  #nextAction(digest: Digest): LayerAction | undefined {
    const { store, swarm, holds } = this.#deps
    const stored = store.get(digest)
    const action = nextAction({
      isRevoked: this.#revoked.has(digest),
      isAssigned: this.#isAssigned(digest) ?? stored !== undefined,
      isStored: stored !== undefined,
      isComplete: stored?.isComplete ?? false,
      isHeld: holds.isHeld(digest),
      isLeaving: holds.isLeaving(digest),
      isJoined: swarm.get(digest) !== undefined && !this.#roomless.has(digest),
    })
    // One that is paused is not begun; what is there of it is served.
    return action === 'obtain' && this.#termsOf(digest).limitBytesPerSecond === 0 ? undefined : action
  }

  /** One that is repaired or needed without being assigned has no terms of its own. */
  #termsOf(digest: Digest): LayerTerms {
    const terms = { ...this.#termsWithRoom(digest), restWaits: this.#resting.has(digest) }
    return this.#roomless.has(digest) ? { ...terms, limitBytesPerSecond: 0 } : terms
  }

  #termsWithRoom(digest: Digest): LayerTerms {
    const terms = this.#wanted?.get(digest)?.terms ?? DEFAULT_LAYER_TERMS
    if (!this.#needed.has(digest) || terms.priority >= NEEDED_PRIORITY) return terms
    return { ...DEFAULT_LAYER_TERMS, priority: NEEDED_PRIORITY, bootBytes: terms.bootBytes }
  }

  /** `undefined` before any desired state is known. */
  #isAssigned(digest: Digest): boolean | undefined {
    if (this.#needed.has(digest)) return true
    const stored = this.#repairing.has(digest) ? this.#deps.store.get(digest) : undefined
    if (stored !== undefined && this.#deps.mayRepair?.(stored.manifest) !== false) return true
    return this.#wanted === undefined ? undefined : this.#isWanted(digest)
  }

  #isWanted(digest: Digest): boolean {
    return this.#wanted?.has(digest) === true && this.endedAssignment(digest) === undefined
  }

  /** Never rejects: a failure is recorded, and told once. */
  async #run(digest: Digest, action: LayerAction, signal: AbortSignal): Promise<void> {
    try {
      await this.#act(digest, action, signal)
      this.#failures.clear(digest)
    } catch (error) {
      if (!signal.aborted) this.#onFailure(digest, action, layerError(digest, error))
    }
  }

  async #act(digest: Digest, action: LayerAction, signal: AbortSignal): Promise<void> {
    const { store, holds, events, logger } = this.#deps
    if (action === 'leave') {
      await this.#leave(digest)
      this.#deps.room.end(digest)
      logger.info({ layer: digest }, 'layer is no longer assigned or was withdrawn; its fetch stops, its blocks stay')
    } else if (action === 'drop') {
      await this.#leave(digest)
      this.#deps.room.end(digest)
      const [user] = await this.#deps.usersOf(digest)
      if (user !== undefined) throw peerError('SHOAL_PEER_LAYER_IN_USE', { layer: digest, user })
      const sizeBytes = store.get(digest)?.presentBytes ?? 0
      // Held since: it is removed when that ends.
      if (!(await holds.remove(digest, () => store.remove(digest)))) return
      await events.forget(digest)
      this.#deps.onPurged(digest)
      void events.purged(digest, sizeBytes)
      logger.info({ layer: digest }, 'layer was withdrawn and is removed')
    } else if (action === 'join') {
      const stored = store.get(digest)
      if (stored !== undefined) await this.#join(stored)
    } else await this.#obtain(digest, signal)
  }

  async #obtain(digest: Digest, signal: AbortSignal): Promise<void> {
    const { store, events } = this.#deps
    const description = await this.#deps.fetchLayer(digest, { signal })
    // The desired state may have changed meanwhile.
    if (signal.aborted || this.#nextAction(digest) !== 'obtain') return
    // A machine need not wait for room: what describes the layer takes none.
    const noRoom = await this.#reserve(description.manifest)
    if (noRoom !== undefined && !this.#needed.has(digest)) throw noRoom
    try {
      if (signal.aborted || this.#nextAction(digest) !== 'obtain') return
      await events.started(digest)
      await store.create(description)
    } finally {
      if (store.get(digest) === undefined) this.#deps.room.end(digest)
    }
    const stored = store.get(digest)
    if (stored !== undefined) await this.#join(stored)
  }

  async #join(stored: StoredLayer): Promise<void> {
    const { store, swarm, events } = this.#deps
    const { digest } = stored.manifest
    // It was begun by an earlier run, or a part of it was kept.
    const noRoom = stored.isComplete ? undefined : await this.#reserve(stored.manifest)
    const isRoomless = noRoom !== undefined && this.#needed.has(digest)
    if (this.#roomless.has(digest) && !isRoomless) await this.#leave(digest)
    if (noRoom !== undefined && !isRoomless) throw noRoom
    if (isRoomless) this.#roomless.add(digest)
    try {
      await swarm.join(noRoom === undefined ? stored : withoutRoom(stored, noRoom), this.#termsOf(digest))
    } catch (error) {
      // A torrent that does not fit is of no use, and neither is an empty layer with it: both are fetched again.
      if (errorCode(error) === 'SHOAL_SWARM_TORRENT_INVALID' && stored.presentBytes === 0) await store.remove(digest)
      this.#deps.room.end(digest)
      throw error
    }
    // They may have changed meanwhile.
    swarm.get(digest)?.setTerms(this.#termsOf(digest))
    this.#namePeers(digest)
    if (noRoom !== undefined) throw noRoom
    if (!stored.isComplete) return
    this.#deps.room.end(digest)
    // Completed by a run that ended before it could tell.
    await events.complete(stored, undefined)
  }

  async #leave(digest: Digest): Promise<void> {
    this.#roomless.delete(digest)
    await this.#deps.swarm.leave(digest)
  }

  /** Why there is no room; `undefined` when there is. */
  async #reserve(manifest: Manifest): Promise<ShoalError | undefined> {
    try {
      await this.#deps.room.reserve(manifest)
      return undefined
    } catch (error) {
      return layerError(manifest.digest, error)
    }
  }

  /** Names those who hold some of it, and the origin; again at each look, because the swarm forgets who does not answer. */
  #namePeers(digest: Digest): void {
    const wanted = this.#wanted?.get(digest)
    if (this.#deps.store.get(digest)?.isComplete !== false) return
    const origin = this.#originAddress === null ? [] : [this.#originAddress]
    this.#deps.swarm.get(digest)?.addPeers([...(wanted?.peers ?? []), ...origin])
  }

  #onFailure(digest: Digest, action: LayerFailure['action'], error: ShoalError): void {
    const presentBytes = this.#deps.store.get(digest)?.presentBytes ?? 0
    // One that was over counts as new.
    if (this.failure(digest) === undefined) this.#failures.clear(digest)
    const isNew = this.#failures.add(digest, { error, action, presentBytes })
    if (!isNew || isNoAnswer(error)) return
    this.#deps.logger.error({ layer: digest, code: error.code, hint: error.hint, error }, 'layer failed; trying again')
    void this.#deps.events.failed(digest, error)
  }
}

/** What is in one of them only. */
function differences(one: ReadonlySet<Digest>, other: ReadonlySet<Digest>): Digest[] {
  return [...new Set([...one, ...other])].filter((digest) => one.has(digest) !== other.has(digest))
}
