import type { Clock } from '@shoal/core'

/** How many hosts are remembered; the oldest ban gives way. */
const MAX_BANS = 1000

/** Hosts that sent bad blocks, each until its ban ends. */
export class BanList {
  readonly #clock: Clock
  readonly #until = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  ban(host: string, durationMs: number): void {
    this.#until.delete(host)
    this.#until.set(host, this.#clock.now() + durationMs)
    const [oldest] = this.#until.keys()
    if (this.#until.size > MAX_BANS && oldest !== undefined) this.#until.delete(oldest)
  }

  has(host: string): boolean {
    const until = this.#until.get(host)
    if (until === undefined) return false
    if (until > this.#clock.now()) return true
    this.#until.delete(host)
    return false
  }
}
