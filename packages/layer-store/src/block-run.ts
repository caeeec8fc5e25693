import { blockCount, blockSize, type Manifest } from '@shoal/core'

/** One block of a run and its bytes. */
export interface RunBlock {
  readonly block: number
  readonly data: Uint8Array
}

/** The blocks that `data` holds when it begins with `firstBlock`. Throws a RangeError if that is not a run of whole blocks. */
export function blockRun(manifest: Manifest, firstBlock: number, data: Uint8Array): RunBlock[] {
  const { blockLengthBytes } = manifest
  const blocks = blockCount(manifest)
  const end = firstBlock + Math.ceil(data.length / blockLengthBytes)
  const isInside = Number.isInteger(firstBlock) && firstBlock >= 0 && data.length > 0 && end <= blocks
  if (!isInside || (end - 1 - firstBlock) * blockLengthBytes + blockSize(manifest, end - 1) !== data.length) {
    throw new RangeError(`${data.length} bytes at block ${firstBlock} of ${blocks}`)
  }
  return Array.from({ length: end - firstBlock }, (_, index) => ({
    block: firstBlock + index,
    data: data.subarray(index * blockLengthBytes, (index + 1) * blockLengthBytes),
  }))
}

/** Bytes of a block of the layer. Throws a RangeError for a block outside of it. */
export function checkedBlockSize(manifest: Manifest, block: number): number {
  if (Number.isInteger(block) && block >= 0 && block < blockCount(manifest)) return blockSize(manifest, block)
  throw new RangeError(`block ${block} of ${blockCount(manifest)}`)
}
