import type { Clock } from '@shoal/core'

/** One that has read nothing for so long is over its boot, or was never started. */
const QUIET_MS = 10_000

export interface YoungBootOptions {
  /** It is young no longer than this. */
  readonly maxMs: number
}

/** A boot from when its profile is known until it reads nothing for a while. */
export class YoungBoot {
  readonly #clock: Clock
  readonly #endsAt: number
  #readAt: number

  constructor(clock: Clock, { maxMs }: YoungBootOptions) {
    this.#clock = clock
    this.#readAt = clock.now()
    this.#endsAt = this.#readAt + maxMs
  }

  onRead(): void {
    this.#readAt = this.#clock.now()
  }

  /** Resolves when it is over; rejects with the signal's reason. */
  async over({ signal }: { signal: AbortSignal }): Promise<void> {
    for (;;) {
      const leftMs = Math.min(this.#endsAt, this.#readAt + QUIET_MS) - this.#clock.now()
      if (leftMs <= 0) return
      await this.#clock.sleep(leftMs, { signal })
    }
  }
}
