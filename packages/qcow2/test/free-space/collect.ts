import type { ByteRange } from '../../src/free-space/byte-range.ts'

/** All that a generator gives. */
export async function collect(ranges: AsyncIterable<ByteRange>): Promise<ByteRange[]> {
  const all: ByteRange[] = []
  for await (const range of ranges) all.push(range)
  return all
}
