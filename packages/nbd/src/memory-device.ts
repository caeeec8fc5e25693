import type { BlockDevice, BlockExtent, BlockSizes } from './block-device.ts'

/** What is looked at as a whole when zeros are searched. */
const ZERO_BLOCK_BYTES = 4096

const ZEROS = Buffer.alloc(ZERO_BLOCK_BYTES)

const DEFAULT_BLOCK_SIZES: BlockSizes = { minimum: 1, preferred: 4096, maximum: 32 * 1024 * 1024 }

/** A device in memory; blocks of zeros are holes. */
export class MemoryDevice implements BlockDevice {
  readonly sizeBytes: number
  readonly blockSizes: BlockSizes
  readonly isReadOnly = true
  readonly #content: Buffer

  constructor(content: Buffer, { blockSizes = DEFAULT_BLOCK_SIZES }: { blockSizes?: BlockSizes } = {}) {
    this.#content = content
    this.sizeBytes = content.length
    this.blockSizes = blockSizes
  }

  read(offset: number, length: number, into: Buffer): undefined {
    this.#content.copy(into, 0, offset, offset + length)
  }

  extents(offset: number, length: number, { maxCount }: { maxCount: number }): BlockExtent[] {
    const end = offset + length
    const extents: BlockExtent[] = []
    for (let at = offset; at < end && extents.length < maxCount; ) {
      const isZero = this.#isZero(at)
      const start = at
      do at = Math.min(nextBlock(at), end)
      while (at < end && this.#isZero(at) === isZero)
      extents.push({ length: at - start, isHole: isZero, isZero })
    }
    return extents
  }

  /** Whether the block around an offset is zeros. */
  #isZero(offset: number): boolean {
    const start = offset - (offset % ZERO_BLOCK_BYTES)
    const block = this.#content.subarray(start, start + ZERO_BLOCK_BYTES)
    return block.equals(ZEROS.subarray(0, block.length))
  }
}

function nextBlock(offset: number): number {
  return offset - (offset % ZERO_BLOCK_BYTES) + ZERO_BLOCK_BYTES
}
