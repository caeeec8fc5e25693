import type { Clock } from '@shoal/core'

/** Wakes one loop early. A ring while nobody waits is remembered, so that none is lost. */
export class Alarm {
  readonly #clock: Clock
  #wake: (() => void) | undefined
  #hasRung = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  ring(): void {
    this.#hasRung = true
    this.#wake?.()
  }

  /** Resolves after the delay, or at once when the alarm rings or has rung. Rejects with the signal's reason. */
  async wait(delayMs: number, { signal }: { signal: AbortSignal }): Promise<void> {
    signal.throwIfAborted()
    const slept = new AbortController()
    const rung = new Promise<void>((resolve) => {
      this.#wake = resolve
      if (this.#hasRung) resolve()
    })
    try {
      await Promise.race([rung, this.#clock.sleep(delayMs, { signal: AbortSignal.any([signal, slept.signal]) })])
    } finally {
      this.#wake = undefined
      this.#hasRung = false
      slept.abort()
    }
  }
}
