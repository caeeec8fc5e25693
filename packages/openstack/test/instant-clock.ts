import type { Clock } from '@shoal/core'

/** A clock whose sleeps take no time and are remembered; `move` makes tokens age. */
export class InstantClock implements Clock {
  readonly sleeps: number[] = []
  #now = Date.parse('2026-11-20T12:00:00Z')

  now(): number {
    return this.#now
  }

  elapsed(): number {
    return this.#now
  }

  async sleep(delayMs: number, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    signal?.throwIfAborted()
    this.sleeps.push(delayMs)
    this.#now += delayMs
  }

  move(deltaMs: number): void {
    this.#now += deltaMs
  }
}
