import type { Bitfield, Geometry } from '@shoal/core'

/** Throws a RangeError unless the range lies in the layer. */
export function checkRange(geometry: Geometry, offset: number, length: number): void {
  const isInside = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0
  if (!isInside || offset + length > geometry.sizeBytes) {
    throw new RangeError(`${length} bytes at ${offset} of ${geometry.sizeBytes}`)
  }
}

/** The first block of the range that is absent. */
export function absentBlock(geometry: Geometry, present: Bitfield, offset: number, length: number): number | undefined {
  const end = Math.ceil((offset + length) / geometry.blockLengthBytes)
  for (let block = Math.floor(offset / geometry.blockLengthBytes); block < end; block += 1) {
    if (!present.has(block)) return length === 0 ? undefined : block
  }
  return undefined
}
