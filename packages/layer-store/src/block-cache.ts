import type { BlockBuffer, BlockBuffers } from '@shoal/core'

/** The blocks of one layer that are in buffers. */
export class BlockCache {
  readonly #buffers: BlockBuffers
  readonly #owner: number
  readonly #loading = new Map<number, Promise<BlockBuffer>>()

  constructor(buffers: BlockBuffers) {
    this.#buffers = buffers
    this.#owner = buffers.newOwner()
  }

  /** A buffer that holds the block, for the caller to release. */
  find(block: number): BlockBuffer | undefined {
    return this.#buffers.find(this.#owner, block)
  }

  /** An empty buffer, if there is one. */
  acquire(): BlockBuffer | undefined {
    return this.#buffers.acquire()
  }

  /** The buffer, which is in use, holds this block of the layer: present, and verified when it was written. */
  keep(block: number, buffer: BlockBuffer, length: number): void {
    this.#buffers.keep(buffer, this.#owner, block, length)
  }

  drop(block: number): void {
    this.#buffers.drop(this.#owner, block)
  }

  dropAll(): void {
    this.#buffers.dropAll(this.#owner)
  }

  /** A copy of bytes within a block, if a buffer holds it; in the beginning of `into` if that is given. */
  copy(block: number, within: number, length: number, into?: Buffer): Buffer | undefined {
    const buffer = this.find(block)
    if (buffer === undefined) return undefined
    const data = into?.subarray(0, length) ?? Buffer.allocUnsafe(length)
    buffer.payload(within + length).copy(data, 0, within)
    buffer.release()
    return data
  }

  /**
   * As {@link find}; otherwise `fill` reads the block into a buffer and keeps it, once for all who ask at the same time. With it come
   * up to `ahead` blocks after it, as far as there are buffers to spare: `fill` gets a buffer for each.
   */
  async load(
    block: number,
    ahead: number,
    fill: (buffers: readonly BlockBuffer[]) => Promise<void>,
  ): Promise<BlockBuffer> {
    for (;;) {
      const kept = this.find(block)
      if (kept !== undefined) return kept
      const loading = this.#loading.get(block)
      if (loading === undefined) return this.#load(block, ahead, fill)
      // What failed for another is tried again for this one: it may have been the other's bad luck.
      await loading.catch(() => {})
    }
  }

  async #load(
    block: number,
    ahead: number,
    fill: (buffers: readonly BlockBuffer[]) => Promise<void>,
  ): Promise<BlockBuffer> {
    const more: BlockBuffer[] = []
    while (more.length < ahead && this.#isAbsent(block + more.length + 1)) {
      const buffer = this.#buffers.acquire({ spare: this.#buffers.count / 2 })
      if (buffer === undefined) break
      more.push(buffer)
    }
    const load = this.#fillBuffers(more, fill)
    for (let index = 0; index <= more.length; index += 1) this.#loading.set(block + index, load)
    try {
      return await load
    } finally {
      for (let index = 0; index <= more.length; index += 1) this.#loading.delete(block + index)
    }
  }

  async #fillBuffers(
    more: readonly BlockBuffer[],
    fill: (buffers: readonly BlockBuffer[]) => Promise<void>,
  ): Promise<BlockBuffer> {
    try {
      const buffer = await this.#buffers.acquireWhenFree()
      try {
        await fill([buffer, ...more])
        return buffer
      } catch (error) {
        buffer.release()
        throw error
      }
    } finally {
      for (const buffer of more) buffer.release()
    }
  }

  /** Whether the block is in no buffer and not about to be. */
  #isAbsent(block: number): boolean {
    return !this.#buffers.isKept(this.#owner, block) && !this.#loading.has(block)
  }
}
