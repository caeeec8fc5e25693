/** Room in front of a reply's data, so that its header leaves with it in one piece. */
export const REPLY_HEADROOM_BYTES = 64

const MIN_SLOT_BYTES = 4096

/** What the data of a reply takes of the limits: lengths are rounded up, so that few sizes are kept. */
export function slotBytes(length: number): number {
  return length <= MIN_SLOT_BYTES ? MIN_SLOT_BYTES : 2 ** Math.ceil(Math.log2(length))
}

/** Memory for the data of replies, kept for reuse up to a bound. How much is in use is for others to bound. */
export class ReplyBuffers {
  /** By size; the one that was needed longest ago first. */
  readonly #idle = new Map<number, Buffer[]>()
  readonly #maxIdleBytes: number
  #idleBytes = 0
  #usedCount = 0

  constructor({ idleBytes }: { idleBytes: number }) {
    this.#maxIdleBytes = idleBytes
  }

  get usedCount(): number {
    return this.#usedCount
  }

  /** Headroom and at least `length` bytes, of whatever content. */
  acquire(length: number): Buffer {
    const slot = slotBytes(length)
    this.#usedCount += 1
    const idle = this.#idle.get(slot)
    const kept = idle?.pop()
    if (idle !== undefined) {
      this.#idle.delete(slot)
      this.#idle.set(slot, idle)
    }
    if (kept === undefined) return Buffer.allocUnsafeSlow(REPLY_HEADROOM_BYTES + slot)
    this.#idleBytes -= slot
    return kept
  }

  /** Takes back a buffer that nobody reads or writes any more. */
  release(buffer: Buffer): void {
    const slot = buffer.length - REPLY_HEADROOM_BYTES
    this.#usedCount -= 1
    this.#makeRoom(slot)
    if (this.#idleBytes + slot > this.#maxIdleBytes) return
    this.#idleBytes += slot
    const kept = this.#idle.get(slot)
    if (kept === undefined) this.#idle.set(slot, [buffer])
    else kept.push(buffer)
  }

  /** Drops buffers of other sizes: a client that reads otherwise now than before would have none kept. */
  #makeRoom(slot: number): void {
    for (const [size, kept] of this.#idle) {
      if (this.#idleBytes + slot <= this.#maxIdleBytes) return
      while (size !== slot && kept.length > 0 && this.#idleBytes + slot > this.#maxIdleBytes) {
        kept.pop()
        this.#idleBytes -= size
      }
    }
  }
}
