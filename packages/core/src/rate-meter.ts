import type { Clock } from './clock.ts'

const WINDOW_MS = 5000
const SLOT_MS = 250

/** Bytes per second over the last five seconds. */
export class RateMeter {
  readonly #clock: Clock
  #slots: { at: number; bytes: number }[] = []
  #totalBytes = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get totalBytes(): number {
    return this.#totalBytes
  }

  add(bytes: number): void {
    this.#totalBytes += bytes
    const at = Math.floor(this.#clock.elapsed() / SLOT_MS) * SLOT_MS
    const last = this.#slots.at(-1)
    if (last?.at === at) last.bytes += bytes
    else this.#slots.push({ at, bytes })
    if (this.#slots.length > WINDOW_MS / SLOT_MS + 1) this.#slots.shift()
  }

  bytesPerSecond(): number {
    const now = this.#clock.elapsed()
    this.#slots = this.#slots.filter((slot) => slot.at > now - WINDOW_MS)
    const [first] = this.#slots
    if (first === undefined) return 0
    const bytes = this.#slots.reduce((sum, slot) => sum + slot.bytes, 0)
    return Math.round((bytes * 1000) / Math.max(now - first.at, 1000))
  }
}
