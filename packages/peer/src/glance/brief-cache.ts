import type { Clock } from '@shoal/core'

/** Values that hold for a short time, a bounded number of them; the oldest makes room. */
export class BriefCache<V> {
  readonly #clock: Clock
  readonly #options: { readonly keepMs: number; readonly limit: number }
  readonly #entries = new Map<string, { readonly value: V; readonly until: number }>()

  constructor(clock: Clock, options: { keepMs: number; limit: number }) {
    this.#clock = clock
    this.#options = options
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: string): V | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    const now = this.#clock.elapsed()
    // A clock that was set back must not let a value hold for longer.
    if (now < entry.until && entry.until - now <= this.#options.keepMs) return entry.value
    this.#entries.delete(key)
    return undefined
  }

  set(key: string, value: V): void {
    const { keepMs, limit } = this.#options
    if (keepMs === 0) return
    this.#entries.delete(key)
    this.#entries.set(key, { value, until: this.#clock.elapsed() + keepMs })
    const [oldest] = this.#entries.keys()
    if (this.#entries.size > limit && oldest !== undefined) this.#entries.delete(oldest)
  }
}
