import type { ByteRange } from './byte-range.ts'

/**
 * Joins ranges that follow each other without a gap, within lists, from list to list and from one source to the next.
 */
export async function* joinRanges(
  sources: readonly AsyncIterable<readonly ByteRange[]>[],
  minLengthBytes: number,
): AsyncGenerator<ByteRange> {
  let last: ByteRange | undefined
  for (const source of sources) {
    for await (const ranges of source) {
      for (const range of ranges) {
        if (last !== undefined && last.start + last.length === range.start) {
          last = { start: last.start, length: last.length + range.length }
        } else {
          if (last !== undefined && last.length >= minLengthBytes) yield last
          last = range
        }
      }
    }
  }
  if (last !== undefined && last.length >= minLengthBytes) yield last
}
