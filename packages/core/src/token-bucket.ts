import type { Clock } from './clock.ts'

export interface TokenBucketOptions {
  /** Sustained rate. `Infinity` never waits. */
  rateBytesPerSecond: number
  /** What may pass at once after a rest; default is what a quarter of a second lets through, at least 256 KiB. */
  burstBytes?: number
}

/**
 * Token bucket (RFC 2697's committed rate and burst): callers take bytes and wait, first come first served.
 * A take larger than the burst is let through as debt, so any size works and the long-run rate holds.
 */
export class TokenBucket {
  readonly rateBytesPerSecond: number
  readonly #clock: Clock
  readonly #burstBytes: number
  #tokens: number
  #updatedAt: number
  #tail: Promise<void> = Promise.resolve()

  constructor(clock: Clock, options: TokenBucketOptions) {
    if (!(options.rateBytesPerSecond > 0)) throw new TypeError(`rate ${options.rateBytesPerSecond}`)
    this.rateBytesPerSecond = options.rateBytesPerSecond
    this.#clock = clock
    this.#burstBytes = options.burstBytes ?? Math.max(options.rateBytesPerSecond / 4, 256 * 1024)
    this.#tokens = this.#burstBytes
    this.#updatedAt = clock.now()
  }

  /** Resolves when `bytes` may pass. Rejects with the signal's reason when aborted while waiting. */
  take(bytes: number, options: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    if (this.rateBytesPerSecond === Number.POSITIVE_INFINITY) return Promise.resolve()
    const turn = this.#tail.then(() => this.#wait(bytes, options.signal))
    this.#tail = turn.catch(() => {})
    return turn
  }

  async #wait(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    this.#refill()
    if (this.#tokens < 0) {
      await this.#clock.sleep((-this.#tokens / this.rateBytesPerSecond) * 1000, { signal })
      this.#refill()
    }
    this.#tokens -= bytes
  }

  #refill(): void {
    const now = this.#clock.now()
    // A clock that was set back gives nothing, and takes nothing either.
    const gained = (Math.max(0, now - this.#updatedAt) / 1000) * this.rateBytesPerSecond
    this.#tokens = Math.min(this.#burstBytes, this.#tokens + gained)
    this.#updatedAt = now
  }
}
