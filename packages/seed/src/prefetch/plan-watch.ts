import type { Clock } from '@shoal/core'

/** Lets callers wait for news of a plan. */
export class PlanWatch {
  readonly #clock: Clock
  readonly #waiting = new Map<string, Set<() => void>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** There is news of a plan. */
  wake(plan: string): void {
    for (const wake of [...(this.#waiting.get(plan) ?? [])]) wake()
  }

  /** Resolves at the next news of a plan, after a time, or when the signal aborts. */
  async news(plan: string, { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal }): Promise<void> {
    const over = new AbortController()
    const stop = AbortSignal.any([over.signal, signal])
    await new Promise<void>((resolve) => {
      const waiting = this.#waiting.get(plan) ?? new Set()
      this.#waiting.set(plan, waiting)
      const done = () => {
        waiting.delete(done)
        if (waiting.size === 0 && this.#waiting.get(plan) === waiting) this.#waiting.delete(plan)
        over.abort()
        resolve()
      }
      waiting.add(done)
      // One that is aborted rejects; whoever waits looks at the signal.
      this.#clock.sleep(timeoutMs, { signal: stop }).then(done, done)
    })
  }
}
