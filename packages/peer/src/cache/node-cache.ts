import type {
  CacheLayers,
  CachePin,
  CacheStatus,
  DesiredState,
  EvictionRequest,
  EvictionResult,
  PinRequest,
} from '@shoal/api'
import {
  type EvictedLayer,
  findPolicy,
  LayerCache,
  Pins,
  POLICY_NAMES,
  type PolicyName,
  type UseHistory,
} from '@shoal/cache'
import { type Clock, type Digest, type Logger, parseDigest } from '@shoal/core'
import type { LayerStore, StoredLayer } from '@shoal/layer-store'
import type { StateStore } from '@shoal/state'
import type { PeerConfig } from '../config.ts'
import { peerError } from '../errors.ts'
import type { LayerEvents } from '../layer-events.ts'
import type { LayerHolds } from '../layer-holds.ts'
import type { SwarmPort } from '../reconciler.ts'
import { BootParts, type BootPartsDeps } from './boot-parts.ts'
import { CacheRecords } from './cache-records.ts'
import { cacheLayers, cachePin, cacheStatus, evictionResult } from './cache-view.ts'
import { DroppedLayers } from './dropped-layers.ts'
import { evictLayer } from './evict-layer.ts'
import { EvictedLayers } from './evicted-layers.ts'
import { FleetFacts } from './fleet-facts.ts'
import { LayerRoom } from './layer-room.ts'
import { NodePins } from './node-pins.ts'
import { isOnSameFileSystem, NodeStock } from './node-stock.ts'
import { PinnedLayers } from './pinned-layers.ts'
import { Scrubber } from './scrubber.ts'
import { UseTracker } from './use-tracker.ts'

/** Who pins when nobody is named. */
const OPERATOR = 'operator'
/** Time between two looks at whether others fill the file system. */
const LOOK_MS = 5000
const SAVE_MS = 60_000

export interface NodeCacheDeps {
  readonly store: LayerStore
  readonly state: StateStore
  readonly swarm: Pick<SwarmPort, 'leave'>
  readonly holds: LayerHolds
  readonly events: LayerEvents
  /** Files of composed disks. */
  readonly disks: () => readonly string[]
  readonly assignedAt: (digest: Digest) => string | undefined
  /** What the boots of an image read, signed by a trusted key. */
  readonly fetchProfile: BootPartsDeps['fetchProfile']
  /** Space became free, or may be made now. */
  readonly onRoom: () => void
  /** How many bytes layers may have just now, told every few seconds. */
  readonly onLimit: (bytes: number) => void
  /** Blocks of a layer were bad and are dropped. */
  readonly onCorrupt: (digest: Digest) => void
  readonly clock: Clock
  readonly logger: Logger
}

export interface NodeCacheOptions extends Pick<PeerConfig, 'cache'> {
  /** Of the layers. */
  readonly directory: string
}

/** The cache of this node: its parts, put together, and what its API does with them. */
export class NodeCache implements AsyncDisposable {
  readonly room: LayerRoom
  readonly uses: UseTracker
  readonly evicted: EvictedLayers
  readonly pins: NodePins
  readonly pinned: PinnedLayers
  readonly scrubber: Scrubber
  readonly cache: LayerCache
  readonly history: UseHistory
  readonly #facts: FleetFacts
  readonly #bootParts: BootParts
  readonly #durablePins: Pins
  readonly #records: CacheRecords
  readonly #deps: NodeCacheDeps
  readonly #options: NodeCacheOptions
  /** Layers that the seed wants removed. */
  readonly #dropped: DroppedLayers
  #onEvicted: (eviction: EvictedLayer) => void = () => {}

  private constructor(
    deps: NodeCacheDeps,
    options: NodeCacheOptions,
    opened: { pins: Pins; history: UseHistory; records: CacheRecords; evicted: EvictedLayers; policy: PolicyName },
  ) {
    const { store, holds, events, clock, logger } = deps
    const { pins, history, records, evicted, policy } = opened
    this.#deps = deps
    this.#options = options
    this.#durablePins = pins
    this.#records = records
    this.evicted = evicted
    this.history = history
    this.#facts = new FleetFacts()
    this.#bootParts = new BootParts({ ...deps, facts: this.#facts })
    const bootBytes = (digest: Digest) => this.#facts.bootBytes(digest)
    this.uses = new UseTracker({ history, store, bootBytes, clock, bootPart: (layer) => this.#bootParts.atHand(layer) })
    this.pins = new NodePins({ holds, store, clock, evicted, isNeeded: (digest) => this.room.isNeeded(digest) })
    this.pinned = new PinnedLayers({ durable: pins, pins: this.pins, store, clock })
    const usersOf = (digest: Digest) => this.pins.usersOf(digest)
    const bootPart = (stored: StoredLayer) => this.#bootParts.find(stored)
    const evict = (digest: Digest, keptBytes: number) => {
      return evictLayer(digest, keptBytes, { ...deps, evicted, usersOf, bootPart })
    }
    const { lastCopiesLast, bootShare } = options.cache
    this.cache = new LayerCache(
      {
        stock: new NodeStock({ ...deps, bootBytes, evict }, options),
        ...{ pins, history, clock, logger },
        replicas: (digest) => this.#facts.replicas(digest),
        pinsOf: (digest, forName) => this.pins.of(digest, forName),
        usersOf: (digests) => this.pins.users(digests),
        onEvicted: (eviction) => {
          void events.evicted(eviction)
          this.#onEvicted(eviction)
        },
      },
      { limit: options.cache, policy, lastCopiesLast, bootShare },
    )
    this.room = new LayerRoom(this.cache)
    this.#dropped = new DroppedLayers({ store, cache: this.cache, onRoom: deps.onRoom, logger })
    this.scrubber = new Scrubber(
      {
        layers: () => store.layers(),
        onBad: (digest, badBlocks) => {
          void events.corrupt(digest, badBlocks)
          deps.onCorrupt(digest)
        },
        records: { get: () => records.scrubPosition(), set: (position) => records.saveScrubPosition(position) },
        ...{ clock, logger },
      },
      { bytesPerSecond: options.cache.scrubBytesPerSecond },
    )
  }

  /** Reads what survives a restart. */
  static async open(deps: NodeCacheDeps, options: NodeCacheOptions): Promise<NodeCache> {
    const { state, store, clock, logger } = deps
    const records = new CacheRecords(deps)
    const pins = new Pins({ state, clock })
    await pins.open()
    const evicted = new EvictedLayers({ state, logger })
    await evicted.open((digest) => store.get(digest)?.isComplete ?? false)
    const chosen = await records.policy()
    // A newer version may have set one that this one does not have.
    const policy = POLICY_NAMES.find((name) => name === chosen) ?? options.cache.policy
    return new NodeCache(deps, options, { pins, history: await records.history(), records, evicted, policy })
  }

  /** Looks now and then whether others fill the file system, checks what is stored, and saves what was used. */
  async run({ signal }: { signal: AbortSignal }): Promise<void> {
    const { clock } = this.#deps
    const look = async () => {
      let savedAt = clock.elapsed()
      while (!signal.aborted) {
        await this.cache.relieve()
        this.#deps.onLimit(await this.limitBytes())
        await this.#dropped.remove()
        await this.#durablePins.expire()
        if (clock.elapsed() - savedAt >= SAVE_MS) {
          savedAt = clock.elapsed()
          await this.#records.saveHistory(this.history)
        }
        await clock.sleep(LOOK_MS, { signal })
      }
    }
    await Promise.all([look(), this.scrubber.run({ signal })])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#records.saveHistory(this.history)
  }

  async limitBytes(): Promise<number> {
    return (await this.cache.space()).limitBytes
  }

  /** Room for a composed disk; one on another file system takes none from layers. */
  async reserveDisk(path: string, bytes: number): Promise<{ end(): void }> {
    if (!(await isOnSameFileSystem(path, this.#options.directory))) return { end: () => {} }
    return await this.cache.reserve(path, bytes)
  }

  /** Sets who else is told of evictions. */
  onEvicted(listener: (eviction: EvictedLayer) => void): void {
    this.#onEvicted = listener
  }

  /** What this node should hold now. */
  setDesired(desired: Pick<DesiredState, 'assignments' | 'dropped'>): void {
    this.pins.setDesired(desired)
    this.uses.desired(desired)
    const inForce = desired.assignments.map(({ layer, assignedAt = '' }) => [parseDigest(layer), assignedAt] as const)
    void this.evicted.prune(new Map(inForce))
    this.#dropped.set(desired.dropped ?? [])
    void this.#dropped.remove()
  }

  /** What the seed says of the layers here. */
  setFacts(...told: Parameters<FleetFacts['set']>): void {
    this.#facts.set(...told)
    this.history.setClusterShares(this.#facts.useShares())
    void this.#bootParts.look(this.#deps.store.layers())
  }

  async status(): Promise<CacheStatus> {
    return cacheStatus(this.cache, this.history, { space: await this.cache.space(), held: await this.cache.list() })
  }

  async list(): Promise<CacheLayers> {
    return cacheLayers(await this.cache.list(), this.#deps.store)
  }

  /** Throws `SHOAL_PEER_EVICTION_REQUEST` and `SHOAL_CACHE_*`. */
  async evict({ layer, bytes, dryRun = false }: EvictionRequest): Promise<EvictionResult> {
    if ((layer === undefined) === (bytes === undefined)) {
      const reason = layer === undefined ? 'nothing is named' : 'both a layer and bytes are'
      throw peerError('SHOAL_PEER_EVICTION_REQUEST', { reason })
    }
    const what = layer === undefined ? { bytes: bytes ?? 0 } : { layer: parseDigest(layer) }
    if (dryRun) return evictionResult(await this.cache.preview(what), dryRun)
    const plan = 'layer' in what ? await this.cache.evict(what.layer) : await this.cache.evictBytes(what.bytes)
    this.#deps.onRoom()
    return evictionResult(plan, dryRun)
  }

  async pin(digest: Digest, { owner = OPERATOR, expiresAt }: PinRequest): Promise<CachePin> {
    const until = expiresAt === undefined ? null : Date.parse(expiresAt)
    return cachePin(await this.#durablePins.add({ digest, kind: 'operator', owner, expiresAt: until }))
  }

  /** Throws `SHOAL_CACHE_PIN_UNKNOWN`. */
  async unpin(digest: Digest, owner: string = OPERATOR): Promise<void> {
    await this.#durablePins.remove({ digest, kind: 'operator', owner })
    this.#deps.onRoom()
  }

  /** `null`: the configured one. Throws `SHOAL_CACHE_POLICY_UNKNOWN`. */
  async setPolicy(name: string | null): Promise<void> {
    const policy = name ?? this.#options.cache.policy
    findPolicy(policy)
    await this.#records.savePolicy(name)
    this.cache.setPolicy(policy)
  }
}
