import type { Clock } from '@shoal/core'

/** Wakes all who wait for something to change. */
export class Notice {
  readonly #clock: Clock
  #next = Promise.withResolvers<void>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  ring(): void {
    const { resolve } = this.#next
    this.#next = Promise.withResolvers()
    resolve()
  }

  /** Resolves with the next ring or after the delay. Rejects with the signal's reason. */
  wait(delayMs: number, { signal }: { signal: AbortSignal }): Promise<void> {
    return this.#wait(this.#next.promise, delayMs, signal)
  }

  /** Looks at each ring, and now and then, until there is something; what `look` throws is passed on. */
  async until<T>(look: () => T | undefined, { everyMs, signal }: { everyMs: number; signal: AbortSignal }): Promise<T> {
    while (true) {
      const next = this.#next.promise
      const found = look()
      if (found !== undefined) return found
      await this.#wait(next, everyMs, signal)
    }
  }

  async #wait(next: Promise<void>, delayMs: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const rung = new AbortController()
    const slept = this.#clock.sleep(delayMs, { signal: AbortSignal.any([signal, rung.signal]) })
    try {
      await Promise.race([next, slept])
    } finally {
      rung.abort()
      slept.catch(() => {})
    }
  }
}
