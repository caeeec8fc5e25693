import type { Clock, Digest } from '@shoal/core'
import type { CacheFacts } from './cache-entry.ts'
import { type CacheView, neededBytes } from './cache-view.ts'
import { cacheError } from './errors.ts'
import type { Eviction, EvictionPlan } from './eviction.ts'
import { compareWorth } from './eviction-order.ts'
import { fullError } from './full-error.ts'
import { type HeldLayer, isLastCopy, needsBase } from './held-layer.ts'
import { planEvictions } from './plan-evictions.ts'
import { type PolicyName, parsePolicyName, policies } from './policies.ts'
import type { SpaceLimit } from './space-limit.ts'
import type { UseHistory } from './use-history.ts'
import { whoHolds } from './who-holds.ts'

/** How many of those that hold a layer an error names. */
const NAMED = 5

export interface CachePlannerOptions {
  readonly limit: SpaceLimit
  readonly policy: PolicyName
  /** Whether what no other node holds goes after all that others hold. */
  readonly lastCopiesLast: boolean
  /** Part of the limit that the boot parts of evicted layers may take, from 0 to 1. */
  readonly bootShare: number
}

/** A layer of a list, and what it is worth. */
export type ListedLayer = HeldLayer & { readonly value: number }

/** What is to go from what is there, by the policy that is in force. */
export class CachePlanner {
  readonly #history: Pick<UseHistory, 'facts'>
  readonly #clock: Clock
  readonly #options: CachePlannerOptions
  #policyName: PolicyName

  constructor(deps: { history: Pick<UseHistory, 'facts'>; clock: Clock }, options: CachePlannerOptions) {
    this.#history = deps.history
    this.#clock = deps.clock
    this.#options = options
    this.#policyName = parsePolicyName(options.policy)
  }

  get policyName(): PolicyName {
    return this.#policyName
  }

  /** Throws `SHOAL_CACHE_POLICY_UNKNOWN`. */
  setPolicy(name: string): void {
    this.#policyName = parsePolicyName(name)
  }

  /** Whether more is taken than should be. */
  isTight({ takenBytes, limitBytes }: CacheView): boolean {
    return takenBytes > limitBytes * this.#options.limit.highWatermark
  }

  /** For a name to take so many bytes. Throws `SHOAL_CACHE_TOO_LARGE` and `SHOAL_CACHE_FULL`. */
  planRoom(view: CacheView, name: string, bytes: number): EvictionPlan {
    const { limitBytes } = view
    const needed = neededBytes(view, name, bytes)
    if (needed > 0 && bytes > limitBytes) {
      throw cacheError('SHOAL_CACHE_TOO_LARGE', { what: name, neededBytes: bytes, limitBytes })
    }
    const takenBytes = view.takenBytes + needed
    const plan = this.planRelief({ ...view, takenBytes })
    if (needed > 0 && takenBytes - plan.freedBytes > limitBytes) throw fullError(name, needed, view, plan)
    return plan
  }

  /** Down to the low watermark when it is above the high one: not with each layer anew. */
  planRelief(view: CacheView): EvictionPlan {
    const lowBytes = view.limitBytes * this.#options.limit.lowWatermark
    return this.#plan(view, this.isTight(view) ? view.takenBytes - lowBytes : 0)
  }

  /** For so many bytes to become free because the operator says so. */
  planBytes(view: CacheView, bytes: number): EvictionPlan {
    const plan = this.#plan(view, bytes)
    const evictions = plan.evictions.map((eviction): Eviction => {
      return eviction.reason === 'space' ? { ...eviction, reason: 'operator' } : eviction
    })
    return { ...plan, evictions }
  }

  /**
   * For all of a layer to go because the operator says so. Throws `SHOAL_CACHE_LAYER_UNKNOWN` and `SHOAL_CACHE_PINNED`.
   */
  planLayer({ held }: CacheView, digest: Digest): EvictionPlan {
    const layer = held.find((one) => one.digest === digest)
    if (layer === undefined) throw cacheError('SHOAL_CACHE_LAYER_UNKNOWN', { digest })
    const above = held.filter((one) => one.base === digest && needsBase(one)).map((one) => one.digest)
    const owners = [...(whoHolds([layer]).get(digest) ?? []), ...above]
    if (owners.length > 0) {
      throw cacheError('SHOAL_CACHE_PINNED', { digest, owners: owners.slice(0, NAMED).join(', ') })
    }
    const { sizeBytes } = layer
    const facts = { keptBytes: 0, value: this.#valueOf(layer), isLastCopy: isLastCopy(layer) }
    return { evictions: [{ digest, sizeBytes, ...facts, reason: 'operator' }], freedBytes: sizeBytes, kept: [] }
  }

  /** All layers in the order in which they would go if all had to; those that may not go come last. */
  rank(view: CacheView): ListedLayer[] {
    const { evictions } = this.#plan(view, Number.POSITIVE_INFINITY)
    const place = new Map(evictions.map(({ digest }, index) => [digest, index]))
    const placeOf = ({ digest }: HeldLayer) => place.get(digest) ?? place.size
    return view.held
      .map((layer) => ({ layer, value: this.#valueOf(layer) }))
      .sort((one, other) => placeOf(one.layer) - placeOf(other.layer) || compareWorth(one, other))
      .map(({ layer, value }) => ({ ...layer, value }))
  }

  #plan({ held, limitBytes }: CacheView, wantedBytes: number): EvictionPlan {
    const { lastCopiesLast, bootShare } = this.#options
    const order = { policy: policies[this.#policyName], facts: this.#facts(), lastCopiesLast }
    return planEvictions(held, wantedBytes, { ...order, remnantBytes: Math.floor(limitBytes * bootShare) })
  }

  #valueOf(layer: HeldLayer): number {
    return policies[this.#policyName](layer, this.#facts())
  }

  #facts(): CacheFacts {
    return { nowMs: this.#clock.now(), ...this.#history.facts() }
  }
}
