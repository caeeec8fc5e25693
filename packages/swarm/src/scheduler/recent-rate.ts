/** The rate is an average over about so long. */
const RATE_MS = 500

/** Bytes per second lately, by an average that forgets. */
export class RecentRate {
  #bytesPerSecond = 0
  #at = 0

  add(bytes: number, now: number): void {
    this.#bytesPerSecond = this.at(now) + (bytes * 1000) / RATE_MS
    this.#at = now
  }

  at(now: number): number {
    return this.#bytesPerSecond * Math.exp((this.#at - now) / RATE_MS)
  }
}
