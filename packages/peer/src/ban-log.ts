import type { Ban } from '@shoal/api'
import type { Clock } from '@shoal/core'
import type { BanEvent } from '@shoal/swarm'

const MAX_BANS = 1000

/** The latest bans of this run, for the status. */
export class BanLog {
  readonly #clock: Clock
  readonly #bans: Ban[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add({ address, digest, reason }: BanEvent): void {
    this.#bans.push({ address, layer: digest, at: new Date(this.#clock.now()).toISOString(), reason })
    if (this.#bans.length > MAX_BANS) this.#bans.shift()
  }

  list(): Ban[] {
    return [...this.#bans]
  }
}
