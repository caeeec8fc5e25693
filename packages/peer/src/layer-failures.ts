import type { Clock, Digest, ShoalError } from '@shoal/core'
import { backOffMs } from './back-off.ts'
import type { LayerAction } from './next-action.ts'
import { isNoAnswer } from './seed-link.ts'

const RETRY = { firstMs: 1000, lastMs: 5 * 60_000 }

export interface LayerFailure {
  readonly error: ShoalError
  /** The step that failed; others need not wait for its next attempt. */
  readonly action: LayerAction | 'store'
  /** How often in a row. */
  readonly count: number
  /** When the next attempt is due, by the clock that nobody sets. */
  readonly retryAt: number
  /** Bytes present when it failed: more of them later show that it is over. */
  readonly presentBytes: number
}

/** What failed last for each layer, and when to try again. One layer's failure never delays another. */
export class LayerFailures {
  readonly #clock: Clock
  readonly #random: () => number
  readonly #failures = new Map<Digest, LayerFailure>()

  constructor(deps: { clock: Clock; random: () => number }) {
    this.#clock = deps.clock
    this.#random = deps.random
  }

  get(digest: Digest): LayerFailure | undefined {
    return this.#failures.get(digest)
  }

  /** Records a failure; true when it is another one than before, and worth telling. */
  add(digest: Digest, failed: Pick<LayerFailure, 'error' | 'action' | 'presentBytes'>): boolean {
    const before = this.#failures.get(digest)
    const count = (before?.count ?? 0) + 1
    const retryAt = this.#clock.elapsed() + backOffMs(count, this.#random, RETRY)
    this.#failures.set(digest, { ...failed, count, retryAt })
    return before?.error.code !== failed.error.code
  }

  clear(digest: Digest): void {
    this.#failures.delete(digest)
  }

  /** Forgets the failures of layers that `isOurs` does not know. */
  prune(isOurs: (digest: Digest) => boolean): void {
    for (const digest of [...this.#failures.keys()]) if (!isOurs(digest)) this.#failures.delete(digest)
  }

  /** The seed answers: what waited only for that is due now. */
  seedIsBack(): void {
    this.#clearWhere(isNoAnswer)
  }

  /** Space became free, or might be made: what waited only for that is due now. */
  roomIsBack(): void {
    this.#clearWhere((error) => error.code === 'SHOAL_CACHE_FULL' || error.code === 'SHOAL_CACHE_TOO_LARGE')
  }

  isDue(digest: Digest, action: LayerAction): boolean {
    const failure = this.#failures.get(digest)
    if (failure === undefined || failure.action !== action) return true
    return failure.retryAt <= this.#clock.elapsed()
  }

  /** Time until the next attempt is due; `Infinity` without failures. */
  nextDueMs(): number {
    let next = Number.POSITIVE_INFINITY
    const now = this.#clock.elapsed()
    for (const { retryAt } of this.#failures.values()) if (retryAt > now) next = Math.min(next, retryAt - now)
    return next
  }

  #clearWhere(matches: (error: ShoalError) => boolean): void {
    for (const [digest, { error }] of this.#failures) if (matches(error)) this.#failures.delete(digest)
  }
}
