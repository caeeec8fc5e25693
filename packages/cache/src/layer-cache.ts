import type { Clock, Digest, Logger } from '@shoal/core'
import type { Replicas } from './cache-entry.ts'
import { CachePlanner, type CachePlannerOptions, type ListedLayer } from './cache-planner.ts'
import { type CacheView, type Findings, lookAtCache, type PinsOf } from './cache-view.ts'
import { cacheError } from './errors.ts'
import type { EvictionPlan, EvictionReason } from './eviction.ts'
import { createFindings, type EvictedLayer, Evictor } from './evictor.ts'
import type { Pin } from './pin.ts'
import type { Pins } from './pins.ts'
import type { PolicyName } from './policies.ts'
import { type Reservation, Reservations } from './reservations.ts'
import { type SpaceView, spaceView } from './space-view.ts'
import type { Stock } from './stock.ts'
import type { UseHistory } from './use-history.ts'

export interface LayerCacheDeps {
  readonly stock: Stock
  /** Those that survive a restart. */
  readonly pins: Pins
  readonly history: UseHistory
  readonly replicas: (digest: Digest) => Replicas
  readonly pinsOf?: PinsOf
  /**
   * Processes that have the file of a layer open: asked about those that are about to go, right before, and for a list.
   */
  readonly usersOf?: (digests: readonly Digest[]) => Promise<ReadonlyMap<Digest, readonly Pin[]>>
  readonly onEvicted: (evicted: EvictedLayer) => void
  readonly clock: Clock
  readonly logger: Logger
}

export type LayerCacheOptions = CachePlannerOptions

/**
 * Keeps the layers of a node under its limit: whoever wants to store something reserves room first, and what is worth
 * least goes for it.
 */
export class LayerCache {
  readonly #deps: LayerCacheDeps
  readonly #options: LayerCacheOptions
  readonly #reservations = new Reservations()
  readonly #planner: CachePlanner
  readonly #evictor: Evictor
  /** More was taken than should be, and nothing more could go. */
  #wasTight = false
  /** One at a time: two must not be promised the same room. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(deps: LayerCacheDeps, options: LayerCacheOptions) {
    this.#deps = deps
    this.#options = options
    this.#planner = new CachePlanner(deps, options)
    this.#evictor = new Evictor({ ...deps, look: (found) => this.#look(found) })
  }

  get policyName(): PolicyName {
    return this.#planner.policyName
  }

  /** How many layers went since the start, by reason. */
  get evictionCounts(): Readonly<Record<EvictionReason, number>> {
    return this.#evictor.counts
  }

  /** Goes by another policy from now on. Throws `SHOAL_CACHE_POLICY_UNKNOWN`. */
  setPolicy(name: string): void {
    this.#planner.setPolicy(name)
  }

  /**
   * Promises room for something to occupy so many bytes under this name, after evicting what is worth less. What the
   * name occupies already counts as a part of them, and does not go for it. A name that has a promise shares it: the
   * larger one holds until all have ended. Throws `SHOAL_CACHE_TOO_LARGE`, and `SHOAL_CACHE_FULL` when what is left
   * must stay: nothing is evicted for what cannot fit.
   */
  reserve(name: string, bytes: number): Promise<Reservation> {
    if (!Number.isSafeInteger(bytes) || bytes < 0) throw new TypeError(`${bytes} is not a number of bytes`)
    return this.#serially(async () => {
      await this.#evictor.evictAll((view) => this.#planner.planRoom(view, name, bytes), name)
      return this.#reservations.add(name, bytes)
    })
  }

  /**
   * Evicts what is aged, and down to the low watermark when others have filled the file system above the high one. When
   * nothing more may go it stays above, which is logged once.
   */
  relieve(): Promise<void> {
    return this.#serially(async () => {
      const { view } = await this.#evictor.evictAll((view) => this.#planner.planRelief(view))
      const isTight = this.#planner.isTight(view)
      if (isTight === this.#wasTight) return
      this.#wasTight = isTight
      const { takenBytes, limitBytes } = view
      if (isTight) this.#deps.logger.warn({ takenBytes, limitBytes }, 'cache is too full, and nothing more may go')
      else this.#deps.logger.info({ takenBytes, limitBytes }, 'cache has room again')
    })
  }

  /**
   * Evicts all of a layer because the operator says so. Throws `SHOAL_CACHE_LAYER_UNKNOWN` and `SHOAL_CACHE_PINNED`.
   */
  evict(digest: Digest): Promise<EvictionPlan> {
    return this.#serially(async () => {
      const plan = await this.#planLayer(digest)
      for (const eviction of plan.evictions) {
        if (await this.#evictor.evict(eviction)) continue
        throw cacheError('SHOAL_CACHE_PINNED', { digest, owners: 'somebody who has just begun to read it' })
      }
      return plan
    })
  }

  /** Evicts so many bytes, or fewer when the rest must stay, because the operator says so. Resolves with what went. */
  evictBytes(bytes: number): Promise<EvictionPlan> {
    return this.#serially(async () => {
      const { done } = await this.#evictor.evictAll((view, freedBytes) => {
        return this.#planner.planBytes(view, bytes - freedBytes)
      })
      return done
    })
  }

  /** What {@link evictBytes} or {@link evict} would do now. Throws as they do. */
  async preview(what: { readonly bytes: number } | { readonly layer: Digest }): Promise<EvictionPlan> {
    if ('layer' in what) return await this.#planLayer(what.layer)
    return (await this.#evictor.agree((view) => this.#planner.planBytes(view, what.bytes))).plan
  }

  /** A layer was removed because it was withdrawn. */
  purged(digest: Digest): void {
    this.#deps.history.forget(digest)
    this.#evictor.count('purge')
  }

  async space(): Promise<SpaceView> {
    return spaceView(await this.#look(createFindings()), this.#options.limit)
  }

  /** All layers in the order in which they would go if all had to; those that may not go come last. */
  async list(): Promise<ListedLayer[]> {
    const digests = (await this.#deps.stock.layers()).map(({ digest }) => digest)
    return this.#planner.rank(await this.#look({ ...createFindings(), users: await this.#evictor.usersOf(digests) }))
  }

  async #planLayer(digest: Digest): Promise<EvictionPlan> {
    return (await this.#evictor.agree((view) => this.#planner.planLayer(view, digest))).plan
  }

  #look(found: Findings): Promise<CacheView> {
    return lookAtCache({ ...this.#deps, reservations: this.#reservations }, this.#options.limit, found)
  }

  #serially<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(task)
    this.#turn = done.catch(() => {})
    return done
  }
}
