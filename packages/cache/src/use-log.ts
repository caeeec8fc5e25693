import { decayed } from './decayed-count.ts'

/** A use counts for half after a day: what is started each morning is as good as new. */
const HALF_LIFE_MS = 24 * 3_600_000
/** What a layer that was never seen is taken to have been used. */
const UNSEEN = 0.01

interface Count {
  value: number
  atMs: number
}

/** How often each of many things was used, recent uses counting more. It remembers what is not held any more. */
export class UseLog<Key> {
  readonly #counts = new Map<Key, Count>()
  readonly #total: Count = { value: 0, atMs: 0 }

  add(key: Key, nowMs: number): void {
    const count = this.#counts.get(key) ?? { value: 0, atMs: nowMs }
    this.#counts.set(key, count)
    grow(count, nowMs)
    grow(this.#total, nowMs)
  }

  /** Its part of all uses, from 0 to 1; a little for what was never used. */
  share(key: Key, nowMs: number): number {
    const count = this.#counts.get(key)
    const value = count === undefined ? 0 : decayed(count, nowMs, HALF_LIFE_MS)
    return (value + UNSEEN) / (decayed(this.#total, nowMs, HALF_LIFE_MS) + 1)
  }
}

function grow(count: Count, nowMs: number): void {
  count.value = decayed(count, nowMs, HALF_LIFE_MS) + 1
  count.atMs = nowMs
}
