import type { Clock } from '@shoal/core'
import { QUIET_MS } from './recorder.ts'

export interface YoungBootOptions {
  /** It is young no longer than this. */
  readonly maxMs: number
}

/** A boot from when its profile is known until it reads nothing for as long as ends a recording, or was never started. */
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
