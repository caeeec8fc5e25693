import type { RandomAccess } from '../../src/random-access.ts'

/** Bytes in memory as a port that counts what it is asked for. */
export class MemoryAccess implements RandomAccess {
  readonly #bytes: Buffer
  /** Bytes that were asked for, whether they are there or not. */
  requestedBytes = 0
  reads = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get sizeBytes(): number {
    return this.#bytes.length
  }

  async read(offset: number, length: number, options?: { signal?: AbortSignal | undefined }): Promise<Buffer> {
    options?.signal?.throwIfAborted()
    this.requestedBytes += length
    this.reads += 1
    return this.#bytes.subarray(offset, offset + length)
  }
}
