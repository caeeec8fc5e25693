import { Bitfield, blockCount, type Geometry } from '@shoal/core'
import type { VerifyOptions } from './layer-store.ts'

/** A copy of `present` without what is outside of the range. Throws a RangeError for a range that is not in the layer. */
export function presentInRange(geometry: Geometry, present: Bitfield, range: VerifyOptions['range']): Bitfield {
  if (range === undefined) return new Bitfield(present.length, present.toBytes())
  const { firstBlock, blocks } = range
  const isInside = Number.isSafeInteger(firstBlock) && Number.isSafeInteger(blocks) && firstBlock >= 0 && blocks >= 0
  if (!isInside || firstBlock + blocks > blockCount(geometry)) {
    throw new RangeError(`${blocks} blocks at ${firstBlock} of ${blockCount(geometry)}`)
  }
  const inRange = new Bitfield(present.length)
  for (let block = firstBlock; block < firstBlock + blocks; block += 1) if (present.has(block)) inRange.set(block)
  return inRange
}

/** Where the last present block ends; 0 when there is none. */
export function presentEnd({ blockLengthBytes, sizeBytes }: Geometry, present: Bitfield): number {
  let blocks = present.length
  while (blocks > 0 && !present.has(blocks - 1)) blocks -= 1
  return Math.min(blocks * blockLengthBytes, sizeBytes)
}
