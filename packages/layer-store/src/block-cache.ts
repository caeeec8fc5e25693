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

  /** A copy of bytes within a block, if a buffer holds it. */
  copy(block: number, within: number, length: number): Buffer | undefined {
    const buffer = this.find(block)
    if (buffer === undefined) return undefined
    const data = Buffer.from(buffer.payload(within + length).subarray(within))
    buffer.release()
    return data
  }

  /** As {@link find}; otherwise `fill` reads the block into a buffer and keeps it, once for all who ask at the same time. */
  async load(block: number, fill: (buffer: BlockBuffer) => Promise<void>): Promise<BlockBuffer> {
    for (;;) {
      const kept = this.find(block)
      if (kept !== undefined) return kept
      const loading = this.#loading.get(block)
      if (loading === undefined) return this.#load(block, fill)
      // What failed for another is tried again for this one: it may have been the other's bad luck.
      await loading.catch(() => {})
    }
  }

  async #load(block: number, fill: (buffer: BlockBuffer) => Promise<void>): Promise<BlockBuffer> {
    const load = this.#fillBuffer(fill)
    this.#loading.set(block, load)
    try {
      return await load
    } finally {
      this.#loading.delete(block)
    }
  }

  async #fillBuffer(fill: (buffer: BlockBuffer) => Promise<void>): Promise<BlockBuffer> {
    const buffer = await this.#buffers.acquireWhenFree()
    try {
      await fill(buffer)
      return buffer
    } catch (error) {
      buffer.release()
      throw error
    }
  }
}
