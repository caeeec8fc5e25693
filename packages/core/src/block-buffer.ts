/** Largest block of a layer, and so the payload that one buffer holds. */
export const MAX_BLOCK_BYTES = 256 * 1024
/** Room in front of a buffer's payload: a block leaves as one write together with its frame's header. */
export const BLOCK_HEADROOM_BYTES = 64
/** What one buffer takes of the memory of all. */
export const BLOCK_SLOT_BYTES = BLOCK_HEADROOM_BYTES + MAX_BLOCK_BYTES

/** Memory for one block, used by one or more at a time; see `BlockBuffers`. */
export class BlockBuffer {
  /** Its place in the memory of all. */
  readonly index: number
  /** Headroom and payload. */
  readonly bytes: Buffer
  /** Set by `BlockBuffers`: the verified block that is in it. */
  label: { readonly key: number; readonly length: number } | undefined
  readonly #release: (buffer: BlockBuffer) => void
  #users = 0

  constructor(memory: SharedArrayBuffer, index: number, release: (buffer: BlockBuffer) => void) {
    this.index = index
    this.bytes = Buffer.from(memory, index * BLOCK_SLOT_BYTES, BLOCK_SLOT_BYTES)
    this.#release = release
  }

  /** The first bytes of the payload. */
  payload(length: number): Buffer {
    return this.bytes.subarray(BLOCK_HEADROOM_BYTES, BLOCK_HEADROOM_BYTES + length)
  }

  retain(): void {
    this.#users += 1
  }

  /** Ends one user's use; after the last one's the buffer is free. */
  release(): void {
    if (this.#users === 0) throw new TypeError(`block buffer ${this.index} is not in use`)
    this.#users -= 1
    if (this.#users === 0) this.#release(this)
  }
}
