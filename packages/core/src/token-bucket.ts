import type { Clock } from './clock.ts'
import { RateTokens } from './rate-tokens.ts'
import { TakeLane, TakeQueue } from './take-queue.ts'

export interface TokenBucketOptions {
  /** Sustained rate. `Infinity` never waits. */
  rateBytesPerSecond: number
  /** What may pass at once after a rest; default is what 0.15 s let through. */
  burstBytes?: number
}

/**
 * Token bucket (RFC 2697's committed rate and burst): callers take bytes and wait, first come first served.
 * A take larger than the burst is let through as debt, so any size works and the long-run rate holds.
 */
export class TokenBucket {
  readonly #clock: Clock
  readonly #tokens: RateTokens
  readonly #lane: TakeLane
  readonly #queue: TakeQueue

  constructor(clock: Clock, options: TokenBucketOptions) {
    this.#clock = clock
    this.#tokens = new RateTokens(options.rateBytesPerSecond, clock.now(), options.burstBytes)
    this.#lane = new TakeLane([this.#tokens])
    this.#queue = new TakeQueue(clock)
  }

  get rateBytesPerSecond(): number {
    return this.#tokens.rateBytesPerSecond
  }

  /** Takes effect at once, for those who wait as well. `Infinity` lets all of them pass. */
  setRate(rateBytesPerSecond: number): void {
    this.#tokens.setRate(rateBytesPerSecond, this.#clock.now())
    this.#queue.pump()
  }

  /** Resolves when `bytes` may pass. Rejects with the signal's reason when aborted while waiting. */
  take(bytes: number, options: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    return this.#queue.take(this.#lane, bytes, options.signal)
  }
}
