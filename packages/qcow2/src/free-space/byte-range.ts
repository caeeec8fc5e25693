/** Bytes of a disk, or of a part of it, from `start` on. */
export interface ByteRange {
  readonly start: number
  readonly length: number
}

/** Whether two ranges have a byte in common. */
export function overlaps(one: ByteRange, other: ByteRange): boolean {
  return one.start < other.start + other.length && other.start < one.start + one.length
}

/** Whether all of `inner` lies in `outer`. */
export function contains(outer: ByteRange, inner: ByteRange): boolean {
  return inner.start >= outer.start && inner.start + inner.length <= outer.start + outer.length
}
