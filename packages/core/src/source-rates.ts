import type { Clock } from './clock.ts'

export interface SourceRateLimits {
  /** Times a second that one source may. */
  readonly perSource: number
  /** Times a second that all of them together may. */
  readonly total: number
}

const WINDOW_MS = 1000

/**
 * How often sources do something, counted second by second: one that does it too often leaves room for the others, and all together stay
 * under a limit. Knows no source longer than a second, so that its memory is bounded by the limit for all.
 */
export class SourceRates {
  readonly #clock: Pick<Clock, 'now'>
  readonly #limits: SourceRateLimits
  readonly #counts = new Map<string, number>()
  #total = 0
  #windowAt = Number.NEGATIVE_INFINITY

  /** With a clock that is never set. */
  constructor(clock: Pick<Clock, 'now'>, limits: SourceRateLimits) {
    this.#clock = clock
    this.#limits = limits
  }

  /** Whether the source may once more, which is counted. */
  take(source: string): boolean {
    const now = this.#clock.now()
    if (now - this.#windowAt >= WINDOW_MS) {
      this.#windowAt = now
      this.#total = 0
      this.#counts.clear()
    }
    const count = this.#counts.get(source) ?? 0
    if (this.#total >= this.#limits.total || count >= this.#limits.perSource) return false
    this.#counts.set(source, count + 1)
    this.#total += 1
    return true
  }
}
