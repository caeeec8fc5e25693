/** Guest bytes: offset and length. */
export interface GuestRange {
  readonly start: number
  readonly length: number
}

/** The parts of sorted, disjoint ranges that lie in a window, as `start` and `end` within it. */
export function* partsWithin(
  ranges: readonly GuestRange[],
  start: number,
  length: number,
): Generator<{ start: number; end: number }> {
  for (let index = firstEndingAfter(ranges, start); index < ranges.length; index += 1) {
    const range = ranges[index]
    if (range === undefined || range.start >= start + length) return
    const end = Math.min(range.start + range.length - start, length)
    yield { start: Math.max(0, range.start - start), end }
  }
}

function firstEndingAfter(ranges: readonly GuestRange[], offset: number): number {
  let low = 0
  let high = ranges.length
  while (low < high) {
    const middle = (low + high) >> 1
    const range = ranges[middle]
    if (range !== undefined && range.start + range.length <= offset) low = middle + 1
    else high = middle
  }
  return low
}
