import { BLOCK_SLOT_BYTES, BlockBuffer } from './block-buffer.ts'

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
  /** Unused buffers that hold no block. The one used last is reused first: its memory is there and warm. */
  readonly #blank: BlockBuffer[]
  /** Unused buffers that hold a block, least recently used first: a Set keeps insertion order and deletes anywhere. */
  readonly #kept = new Set<BlockBuffer>()
  readonly #labelled = new Map<number, BlockBuffer>()
  #waiting: (() => void)[] = []
  #owners = 0

  constructor(options: { count: number }) {
    if (!Number.isSafeInteger(options.count) || options.count < 1) throw new TypeError(`${options.count} block buffers`)
    this.count = options.count
    this.memory = new SharedArrayBuffer(options.count * BLOCK_SLOT_BYTES)
    const release = (buffer: BlockBuffer) => this.#onFree(buffer)
    this.#blank = Array.from({ length: options.count }, (_, index) => new BlockBuffer(this.memory, index, release))
  }

  /** How many are in use. */
  get usedCount(): number {
    return this.count - this.#blank.length - this.#kept.size
  }

  /** A number for a layer whose blocks are to be found again; see {@link keep} and {@link find}. */
  newOwner(): number {
    this.#owners += 1
    return this.#owners
  }

  /** A buffer for one user, or `undefined` when no more than `spare` are left: see {@link onFree}. */
  acquire({ spare = 0 }: { spare?: number } = {}): BlockBuffer | undefined {
    if (this.count - this.usedCount <= spare) return undefined
    const buffer = this.#blank.pop() ?? this.#oldestKept()
    buffer?.retain()
    return buffer
  }

  /** As {@link acquire}, once there is one. */
  async acquireWhenFree(options?: { spare?: number }): Promise<BlockBuffer> {
    for (;;) {
      const buffer = this.acquire(options)
      if (buffer !== undefined) return buffer
      await new Promise<void>((resolve) => this.onFree(resolve))
    }
  }

  /** Calls back once, when a buffer has become free. Whoever is called acquires at once or asks again: there is one buffer for all. */
  onFree(callback: () => void): void {
    this.#waiting.push(callback)
  }

  /** Says that the buffer, which is in use, holds this verified block. Its content must not change any more while it is in use. */
  keep(buffer: BlockBuffer, owner: number, block: number, length: number): void {
    this.#forget(buffer)
    this.drop(owner, block)
    const key = owner * BLOCKS_PER_OWNER + block
    buffer.label = { key, length }
    this.#labelled.set(key, buffer)
  }

  /** The buffer that still holds a block, for one more user; `undefined` when there is none. */
  find(owner: number, block: number): BlockBuffer | undefined {
    const buffer = this.#labelled.get(owner * BLOCKS_PER_OWNER + block)
    if (buffer === undefined) return undefined
    this.#kept.delete(buffer)
    buffer.retain()
    return buffer
  }

  /** Whether {@link find} would find it. */
  isKept(owner: number, block: number): boolean {
    return this.#labelled.has(owner * BLOCKS_PER_OWNER + block)
  }

  /** A block is no longer what it was: it is not found any more. */
  drop(owner: number, block: number): void {
    const buffer = this.#labelled.get(owner * BLOCKS_PER_OWNER + block)
    if (buffer !== undefined) this.#forget(buffer)
  }

  /** Drops all blocks of a layer. */
  dropAll(owner: number): void {
    for (const [key, buffer] of this.#labelled) {
      if (Math.floor(key / BLOCKS_PER_OWNER) === owner) this.#forget(buffer)
    }
  }

  #oldestKept(): BlockBuffer | undefined {
    const [buffer] = this.#kept
    if (buffer === undefined) return undefined
    this.#kept.delete(buffer)
    this.#forget(buffer)
    return buffer
  }

  #forget(buffer: BlockBuffer): void {
    if (buffer.label === undefined) return
    this.#labelled.delete(buffer.label.key)
    buffer.label = undefined
    if (this.#kept.delete(buffer)) this.#blank.push(buffer)
  }

  #onFree(buffer: BlockBuffer): void {
    if (buffer.label === undefined) this.#blank.push(buffer)
    else this.#kept.add(buffer)
    const waiting = this.#waiting
    this.#waiting = []
    for (const callback of waiting) callback()
  }
}
