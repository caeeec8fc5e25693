import type { BlockBuffer, BlockBuffers } from '@shoal/core'

/** Left for sending: whoever only receives would have nothing to give. */
const SPARE_BUFFERS = 24
/** What somebody waits for may use most of these. */
const URGENT_SPARE_BUFFERS = 8

type Take = (buffer: BlockBuffer) => void

/** Buffers for what lanes receive: who finds none free waits in line, those with urgent blocks first. */
export class BlockIntake {
  readonly #buffers: BlockBuffers
  readonly #urgent = new Set<Take>()
  readonly #ordinary = new Set<Take>()
  #isListening = false

  constructor(buffers: BlockBuffers) {
    this.#buffers = buffers
  }

  /** Whether somebody waits. */
  get isPressed(): boolean {
    return this.#urgent.size + this.#ordinary.size > 0
  }

  /** A buffer now, or `undefined`, and then `take` is called with one later unless {@link giveUp} comes before. */
  acquire(isUrgent: boolean, take: Take): BlockBuffer | undefined {
    const line = isUrgent ? this.#urgent : this.#ordinary
    const buffer = line.size === 0 ? this.#tryAcquire(isUrgent) : undefined
    if (buffer !== undefined) return buffer
    line.add(take)
    this.#listen()
    return undefined
  }

  giveUp(take: Take): void {
    this.#urgent.delete(take)
    this.#ordinary.delete(take)
  }

  #tryAcquire(isUrgent: boolean): BlockBuffer | undefined {
    // A small pool, as tests have it, is split alike.
    const spare = Math.min(isUrgent ? URGENT_SPARE_BUFFERS : SPARE_BUFFERS, Math.floor(this.#buffers.count / 4))
    return this.#buffers.acquire({ spare })
  }

  #listen(): void {
    if (this.#isListening) return
    this.#isListening = true
    this.#buffers.onFree(() => {
      this.#isListening = false
      this.#serve(this.#urgent, true)
      this.#serve(this.#ordinary, false)
      if (this.#urgent.size + this.#ordinary.size > 0) this.#listen()
    })
  }

  #serve(line: Set<Take>, isUrgent: boolean): void {
    for (const take of line) {
      const buffer = this.#tryAcquire(isUrgent)
      if (buffer === undefined) return
      line.delete(take)
      take(buffer)
    }
  }
}
