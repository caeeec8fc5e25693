import type { Clock } from './clock.ts'

/** A clock that stands still until it is told to move: for tests and simulations. */
export class ManualClock implements Clock {
  #now: number
  #elapsed = 0
  #sleepers: { at: number; wake: () => void }[] = []

  constructor(startMs = 0) {
    this.#now = startMs
  }

  now(): number {
    return this.#now
  }

  elapsed(): number {
    return this.#elapsed
  }

  sleep(delayMs: number, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const sleeper = { at: this.#elapsed + delayMs, wake: resolve }
      this.#sleepers.push(sleeper)
      signal?.addEventListener('abort', () => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper)
        reject(signal.reason)
      })
    })
  }

  /** Sets the clock, as an operator or NTP does: no time passes, nobody wakes. */
  set(nowMs: number): void {
    this.#now = nowMs
  }

  /** Moves time forward and wakes, in order, whoever sleeps no longer than that. */
  advance(deltaMs: number): void {
    this.#now += deltaMs
    this.#elapsed += deltaMs
    const due = this.#sleepers.filter((sleeper) => sleeper.at <= this.#elapsed).sort((a, b) => a.at - b.at)
    this.#sleepers = this.#sleepers.filter((sleeper) => sleeper.at > this.#elapsed)
    for (const sleeper of due) sleeper.wake()
  }
}
