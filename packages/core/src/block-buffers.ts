/** Largest block of a layer, and so the payload that one buffer holds. */
export const MAX_BLOCK_BYTES = 256 * 1024
/** Room in front of a buffer's payload: a block leaves as one write together with its frame's header. */
export const BLOCK_HEADROOM_BYTES = 64

const SLOT_BYTES = BLOCK_HEADROOM_BYTES + MAX_BLOCK_BYTES
/** A manifest has at most 2^22 blocks, so owner and block fit in one exact number. */
const BLOCKS_PER_OWNER = 2 ** 22

/**
 * The block buffers of one process: all payload that is received, verified, written, read or sent is in one of them, so that
 * memory is bounded however many layers and connections there are. The memory is shared, so that a thread can hash and
 * write a block without a copy. A buffer that was released keeps its block findable until it is needed for another.
 */
export class BlockBuffers {
  readonly memory: SharedArrayBuffer
  readonly count: number
  /** Unused buffers in the order in which they are to be reused: a Set keeps insertion order and deletes anywhere. */
  readonly #free: Set<BlockBuffer>
  readonly #labelled = new Map<number, BlockBuffer>()
  #waiting: (() => void)[] = []
  #owners = 0

  constructor(options: { count: number }) {
    this.count = options.count
    this.memory = new SharedArrayBuffer(options.count * SLOT_BYTES)
    const release = (buffer: BlockBuffer) => this.#onFree(buffer)
    const buffers = Array.from({ length: options.count }, (_, index) => new BlockBuffer(this.memory, index, release))
    this.#free = new Set(buffers)
  }

  /** How many are in use. */
  get usedCount(): number {
    return this.count - this.#free.size
  }

  /** A number for a layer whose blocks are to be found again; see {@link keep} and {@link find}. */
  newOwner(): number {
    this.#owners += 1
    return this.#owners
  }

  /** A buffer for one user, or `undefined` when no more than `spare` are left: see {@link onFree}. */
  acquire({ spare = 0 }: { spare?: number } = {}): BlockBuffer | undefined {
    if (this.#free.size <= spare) return undefined
    const [buffer] = this.#free
    if (buffer === undefined) return undefined
    this.#free.delete(buffer)
    this.#forget(buffer)
    buffer.retain()
    return buffer
  }

  /** Calls back once, when a buffer has become free. */
  onFree(callback: () => void): void {
    this.#waiting.push(callback)
  }

  /** Says that the buffer holds this verified block. Its content must not change any more while it is in use. */
  keep(buffer: BlockBuffer, owner: number, block: number, length: number): void {
    this.#forget(buffer)
    const key = owner * BLOCKS_PER_OWNER + block
    const older = this.#labelled.get(key)
    if (older !== undefined) this.#forget(older)
    buffer.label = { key, length }
    this.#labelled.set(key, buffer)
  }

  /** The buffer that still holds a block, for one more user; `undefined` when there is none. */
  find(owner: number, block: number): BlockBuffer | undefined {
    const buffer = this.#labelled.get(owner * BLOCKS_PER_OWNER + block)
    if (buffer === undefined) return undefined
    this.#free.delete(buffer)
    buffer.retain()
    return buffer
  }

  /** A block is no longer what it was: it is not found any more. */
  drop(owner: number, block: number): void {
    const buffer = this.#labelled.get(owner * BLOCKS_PER_OWNER + block)
    if (buffer !== undefined) this.#forget(buffer)
  }

  #forget(buffer: BlockBuffer): void {
    if (buffer.label !== undefined) this.#labelled.delete(buffer.label.key)
    buffer.label = undefined
  }

  #onFree(buffer: BlockBuffer): void {
    this.#free.add(buffer)
    const waiting = this.#waiting
    this.#waiting = []
    for (const callback of waiting) callback()
  }
}

/** Memory for one block, used by one or more at a time. */
export class BlockBuffer {
  /** Its place in {@link BlockBuffers.memory}. */
  readonly index: number
  /** Headroom and payload. */
  readonly bytes: Buffer
  /** Set by {@link BlockBuffers}: the block that is in it. */
  label: { readonly key: number; readonly length: number } | undefined
  readonly #release: (buffer: BlockBuffer) => void
  #users = 0

  constructor(memory: SharedArrayBuffer, index: number, release: (buffer: BlockBuffer) => void) {
    this.index = index
    this.bytes = Buffer.from(memory, index * SLOT_BYTES, SLOT_BYTES)
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
