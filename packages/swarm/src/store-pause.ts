import type { Clock } from '@shoal/core'

/** Wait after a failed write, doubled each time. */
const FIRST_MS = 2000
const LAST_MS = 60_000

/** Pauses what cannot succeed while the store fails. */
export class StorePause {
  readonly #clock: Clock
  #until = 0
  #failures = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get isPaused(): boolean {
    return this.#clock.now() < this.#until
  }

  /** True when it is a new failure: one full disk fails every write under way, and that is one failure, told once. */
  onFailure(): boolean {
    if (this.isPaused) return false
    this.#until = this.#clock.now() + Math.min(LAST_MS, FIRST_MS * 2 ** this.#failures)
    this.#failures += 1
    return true
  }

  onSuccess(): void {
    this.#failures = 0
  }
}
