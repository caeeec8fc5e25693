import type { Clock } from '@shoal/core'

/** A join brings a connection to each of tens of peers: many at once would hold up all else for as long as all of that takes. */
const GAP_MS = 10

/** Lets joins begin one at a time, a little apart. */
export class JoinPace {
  readonly #clock: Clock
  #free = Promise.resolve()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Resolves when it is the caller's turn: at once after a rest. */
  turn(): Promise<void> {
    const turn = this.#free
    this.#free = turn.then(() => this.#clock.sleep(GAP_MS))
    return turn
  }
}
