import { type Clock, type Digest, errorMessage, type Logger } from '@shoal/core'
import type { CacheEntry, CacheFacts, Replicas } from './cache-entry.ts'
import { cacheError } from './errors.ts'
import type { Pins } from './pins.ts'
import { type Eviction, type EvictionPlan, type HeldLayer, planEvictions } from './plan-evictions.ts'
import type { ReplacementPolicy } from './replacement-policy.ts'
import { type Reservation, Reservations } from './reservations.ts'
import { limitBytes, type SpaceLimit } from './space-limit.ts'
import type { Stock } from './stock.ts'
import type { UseHistory } from './use-history.ts'

/** How many of those that hold the space an error names. */
const NAMED = 5

export interface LayerCacheDeps {
  readonly stock: Stock
  readonly pins: Pins
  readonly history: UseHistory
  readonly replicas: (digest: Digest) => Replicas
  readonly onEvicted: (eviction: Eviction & { readonly reason: EvictionReason }) => void
  readonly clock: Clock
  readonly logger: Logger
}

export interface LayerCacheOptions {
  readonly limit: SpaceLimit
  readonly policy: ReplacementPolicy
}

export type EvictionReason = 'space' | 'operator'

/** Where the space of a node goes. Bytes. */
export interface SpaceView {
  readonly limitBytes: number
  /** Occupied, and promised beyond that. */
  readonly takenBytes: number
  readonly layerBytes: number
  readonly otherBytes: number
}

/** Keeps the layers of a node under its limit: whoever wants to store something reserves room first, and what is worth least goes for it. */
export class LayerCache {
  readonly #deps: LayerCacheDeps
  readonly #options: LayerCacheOptions
  readonly #reservations = new Reservations()
  /** One at a time: two must not be promised the same room. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(deps: LayerCacheDeps, options: LayerCacheOptions) {
    this.#deps = deps
    this.#options = options
  }

  /**
   * Promises room for something that is about to be stored, after evicting what is worth less. Throws `SHOAL_CACHE_TOO_LARGE`, and
   * `SHOAL_CACHE_FULL` when what is left must stay: then nothing was evicted.
   */
  reserve(name: string, bytes: number): Promise<Reservation> {
    return this.#serially(() => this.#reserve(name, bytes))
  }

  /** What would go for so many bytes more, without anything going. */
  async preview(bytes: number): Promise<EvictionPlan> {
    const { held, limit, takenBytes } = await this.#look()
    return this.#plan(held, this.#wanted(takenBytes + bytes, limit))
  }

  /** Evicts a layer because somebody says so. Throws `SHOAL_CACHE_LAYER_UNKNOWN` and `SHOAL_CACHE_PINNED`. */
  evict(digest: Digest): Promise<void> {
    return this.#serially(async () => {
      const { held } = await this.#look()
      const layer = held.find((one) => one.digest === digest)
      if (layer === undefined) throw cacheError('SHOAL_CACHE_LAYER_UNKNOWN', { digest })
      const owners = layer.pins.map(({ owner }) => owner)
      const above = held.filter(({ base }) => base === digest).map((one) => one.digest)
      if (owners.length + above.length > 0) {
        throw cacheError('SHOAL_CACHE_PINNED', { digest, owners: [...owners, ...above].slice(0, NAMED).join(', ') })
      }
      if (await this.#evict({ digest, sizeBytes: layer.sizeBytes, value: 0 }, 'operator')) return
      throw cacheError('SHOAL_CACHE_PINNED', { digest, owners: 'somebody who has just begun to read it' })
    })
  }

  async space(): Promise<SpaceView> {
    const { held, limit, takenBytes, otherBytes } = await this.#look()
    const layerBytes = held.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    return { limitBytes: limit, takenBytes, layerBytes, otherBytes }
  }

  async #reserve(name: string, bytes: number): Promise<Reservation> {
    const read = new Set<Digest>()
    for (;;) {
      const { held, limit, takenBytes } = await this.#look(read)
      if (bytes > limit) {
        throw cacheError('SHOAL_CACHE_TOO_LARGE', { what: name, neededBytes: bytes, limitBytes: limit })
      }
      const plan = this.#plan(held, this.#wanted(takenBytes + bytes, limit))
      if (takenBytes + bytes - plan.freedBytes > limit) throw fullError(name, bytes, limit, plan)
      const stays = await this.#evictAll(plan.evictions)
      if (stays === undefined) return this.#reservations.add(name, bytes)
      // Somebody has begun to read it: others may do.
      read.add(stays)
    }
  }

  /** Bytes to free: none below the high watermark, and above it down to the low one. */
  #wanted(takenBytes: number, limit: number): number {
    const { highWatermark, lowWatermark } = this.#options.limit
    return takenBytes > limit * highWatermark ? takenBytes - limit * lowWatermark : 0
  }

  #plan(held: readonly HeldLayer[], wantedBytes: number): EvictionPlan {
    const { policy } = this.#options
    return planEvictions(held, wantedBytes, { policy, facts: this.#facts() })
  }

  #facts(): CacheFacts {
    const { history, clock } = this.#deps
    return { nowMs: clock.now(), ...history.facts() }
  }

  /** The first that could not go; those after it stay as well. */
  async #evictAll(evictions: readonly Eviction[]): Promise<Digest | undefined> {
    for (const eviction of evictions) if (!(await this.#evict(eviction, 'space'))) return eviction.digest
    return undefined
  }

  async #evict(eviction: Eviction, reason: EvictionReason): Promise<boolean> {
    const { stock, history, onEvicted, logger } = this.#deps
    const { digest, sizeBytes } = eviction
    try {
      if (!(await stock.evict(digest))) return false
    } catch (error) {
      logger.error({ layer: digest, error: errorMessage(error) }, 'layer could not be evicted')
      throw error
    }
    history.evicted(digest, eviction.value)
    onEvicted({ ...eviction, reason })
    logger.info({ layer: digest, sizeBytes, reason }, 'layer evicted')
    return true
  }

  /** `busy`: layers that stay for now, beside those that are on their way. */
  async #look(busy: ReadonlySet<Digest> = new Set()) {
    const { stock, pins, clock } = this.#deps
    const [layers, others, space] = await Promise.all([stock.layers(), stock.others(), stock.space()])
    const occupied = new Map<string, number>()
    for (const { digest, allocatedBytes } of layers) occupied.set(digest, allocatedBytes)
    for (const { name, allocatedBytes } of others) occupied.set(name, allocatedBytes)
    const usedBytes = [...occupied.values()].reduce((sum, bytes) => sum + bytes, 0)
    const promised = new Set([...this.#reservations].map(({ name }) => name))
    const now = clock.now()
    const held = layers.map(({ digest, base, allocatedBytes }): HeldLayer => {
      const isBusy = promised.has(digest) || busy.has(digest)
      return { ...this.#entry(digest, allocatedBytes, now), base, pins: pins.of(digest), isBusy }
    })
    return {
      held,
      limit: limitBytes(this.#options.limit, usedBytes, space),
      takenBytes: this.#reservations.takenBytes(occupied),
      otherBytes: others.reduce((sum, { allocatedBytes }) => sum + allocatedBytes, 0),
    }
  }

  #entry(digest: Digest, sizeBytes: number, nowMs: number): CacheEntry {
    const { history, replicas } = this.#deps
    return { ...history.entry(digest, nowMs), digest, sizeBytes, replicas: replicas(digest) }
  }

  #serially<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(task)
    this.#turn = done.catch(() => {})
    return done
  }
}

function fullError(what: string, neededBytes: number, limit: number, { kept }: EvictionPlan) {
  const keptBytes = kept.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const owners = kept.flatMap(({ pins }) => pins.map(({ owner }) => owner))
  const keptBy = [...new Set(owners)].slice(0, NAMED).join(', ') || 'layers that are on their way'
  return cacheError('SHOAL_CACHE_FULL', { what, neededBytes, limitBytes: limit, keptBytes, keptBy })
}
