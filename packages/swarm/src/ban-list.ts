import type { Clock } from '@shoal/core'

/** How many hosts are remembered; the oldest ban gives way. */
const MAX_BANS = 1000

interface Ban {
  readonly until: number
  readonly durationMs: number
}

/** Hosts that sent bad blocks, each until its ban ends. */
export class BanList {
  readonly #clock: Clock
  readonly #bans = new Map<string, Ban>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Bans a host for `firstMs`; one that was banned before twice as long as then, but no longer than `lastMs`. */
  ban(host: string, { firstMs, lastMs }: { firstMs: number; lastMs: number }): void {
    const before = this.#bans.get(host)
    const durationMs = Math.min(lastMs, Math.max(firstMs, (before?.durationMs ?? 0) * 2))
    this.#bans.delete(host)
    this.#bans.set(host, { until: this.#clock.now() + durationMs, durationMs })
    const [oldest] = this.#bans.keys()
    if (this.#bans.size > MAX_BANS && oldest !== undefined) this.#bans.delete(oldest)
  }

  has(host: string): boolean {
    return (this.#bans.get(host)?.until ?? 0) > this.#clock.now()
  }
}
