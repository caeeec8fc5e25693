import type { Clock } from '@shoal/core'

const CHECK_MS = 1000

/** Something that is looked at every second. */
export interface Watched {
  /** A second is over. */
  check(): void
}

/** One timer for all lanes of a process, which runs while there are any. */
export class LaneWatch {
  readonly #clock: Clock
  readonly #watched = new Set<Watched>()
  #stop: AbortController | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(watched: Watched): void {
    this.#watched.add(watched)
    if (this.#stop !== undefined) return
    this.#stop = new AbortController()
    void this.#run(this.#stop.signal)
  }

  delete(watched: Watched): void {
    this.#watched.delete(watched)
    if (this.#watched.size > 0) return
    this.#stop?.abort()
    this.#stop = undefined
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      // Rejects when the last lane is gone.
      await this.#clock.sleep(CHECK_MS, { signal }).catch(() => {})
      if (signal.aborted) return
      for (const watched of [...this.#watched]) watched.check()
    }
  }
}

/** Counts the seconds for which something was due and nothing moved. */
export class Stillness {
  #progress = 0
  #seconds = 0

  /** To be called every second; `progress` is any number that changes when something moves. */
  seconds(isDue: boolean, progress: number): number {
    const isStill = isDue && progress === this.#progress
    this.#progress = progress
    this.#seconds = isStill ? this.#seconds + 1 : 0
    return this.#seconds
  }
}
