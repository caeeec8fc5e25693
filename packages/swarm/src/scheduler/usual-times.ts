import type { Source, SourcePlace } from './source.ts'

const GAIN = 0.1
/**
 * End game: a piece that takes so many times what is usual where it comes from, and at least so long, is asked of a second source. What
 * is narrow on the way from afar would be narrower still if it came twice, so only what comes from near is late in any case.
 */
const LATE_FACTOR = 4
const MIN_LATE_MS = 300
const MAX_NEAR_LATE_MS = 2000
/** A source near us that takes so many times what is usual there, and at least so long, is slow, and is for this time. */
const SLOW_FACTOR = 4
const MIN_SLOW_MS = 1000
const KEEP_SLOW_MS = 5000
/** It is so no longer when it delivers within so many times what is usual. */
const PROMPT_FACTOR = 2

/** From asking for a piece until it came, by where it came from, and who takes far longer. */
export class UsualTimes {
  /** 0 while none came. */
  readonly #usualMs: Record<SourcePlace, number> = { near: 0, unknown: 0, far: 0, origin: 0 }

  add({ place, isSlow }: Source, tookMs: number): void {
    if (isSlow) return
    const usualMs = this.#usualMs[place]
    this.#usualMs[place] += (tookMs - usualMs) * (usualMs === 0 ? 1 : GAIN)
  }

  /** How long a piece that was asked of a source takes before it is late. */
  lateMs({ place, isNear }: Source): number {
    const usualMs = this.#usualMs[place]
    const lateMs = usualMs === 0 ? Number.POSITIVE_INFINITY : Math.max(MIN_LATE_MS, usualMs * LATE_FACTOR)
    return isNear ? Math.min(MAX_NEAR_LATE_MS, lateMs) : lateMs
  }

  /** Whether a source that is not called slow takes far longer than the others near us. */
  isSlow({ place, isNear, asked }: Source, now: number): boolean {
    const usualMs = this.#usualMs[place]
    const [oldest] = asked.values()
    if (!isNear || usualMs === 0 || oldest === undefined) return false
    return now - oldest > Math.max(MIN_SLOW_MS, usualMs * SLOW_FACTOR)
  }

  /** Whether a source that is called slow is no longer, as it took so long for a piece now. */
  isPromptAgain({ place, slowAt }: Source, tookMs: number, now: number): boolean {
    return now - slowAt > KEEP_SLOW_MS && tookMs < this.#usualMs[place] * PROMPT_FACTOR
  }
}
