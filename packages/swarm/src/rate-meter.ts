import type { Clock } from '@shoal/core'

/** The window over which a rate is averaged, in one-second buckets. */
const WINDOW_SECONDS = 5

/** Counts bytes and tells the mean rate over the last five seconds. */
export class RateMeter {
  readonly #clock: Clock
  readonly #buckets = new Float64Array(WINDOW_SECONDS)
  #second: number
  totalBytes = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.#second = Math.floor(clock.now() / 1000)
  }

  add(bytes: number): void {
    this.#roll()
    this.totalBytes += bytes
    const slot = this.#second % WINDOW_SECONDS
    this.#buckets[slot] = (this.#buckets[slot] ?? 0) + bytes
  }

  /** Bytes per second. */
  rate(): number {
    this.#roll()
    return this.#buckets.reduce((sum, bytes) => sum + bytes, 0) / WINDOW_SECONDS
  }

  #roll(): void {
    const second = Math.floor(this.#clock.now() / 1000)
    const first = Math.max(this.#second + 1, second - WINDOW_SECONDS + 1)
    for (let past = first; past <= second; past += 1) this.#buckets[past % WINDOW_SECONDS] = 0
    this.#second = Math.max(this.#second, second)
  }
}
