import { type ByteRange, contains } from './byte-range.ts'
import { expect } from './disk-fault.ts'
import type { GuestReader } from './guest-reader.ts'
import { type MbrEntry, readMbr, SECTOR_BYTES } from './mbr.ts'
import type { TableContent } from './table-content.ts'

/** Linux follows a hundred. */
const MAX_RECORDS = 128

/**
 * The logical partitions of an extended one. It begins with an extended boot record, whose first entry is a logical
 * partition by its distance from that record, and whose second is the next record by its distance from the extended
 * partition's start. Throws a `DiskFault` for a chain that has a loop, leaves the extended partition or is anything
 * else that partitioning tools do not write.
 */
export async function readLogicalPartitions(guest: GuestReader, extended: ByteRange): Promise<TableContent> {
  const partitions: ByteRange[] = []
  const reserved: ByteRange[] = []
  const seen = new Set<number>()
  for (let at: number | undefined = extended.start; at !== undefined; ) {
    expect(!seen.has(at) && seen.size < MAX_RECORDS, 'its chain of logical partitions has no end')
    seen.add(at)
    const entries: MbrEntry[] | undefined = readMbr(await guest.read(at, SECTOR_BYTES))
    const [logical, next, ...others] = entries ?? []
    expect(logical !== undefined && next !== undefined, 'its chain of logical partitions is broken')
    const isPair = others.every(({ sectors }) => sectors === 0)
    expect(isPair, 'a record of its chain of logical partitions has too many entries')
    reserved.push({ start: at, length: SECTOR_BYTES })
    if (logical.sectors > 0) partitions.push(within(extended, at, logical))
    expect(next.sectors === 0 || next.isExtended, 'its chain of logical partitions is broken')
    at = next.sectors === 0 ? undefined : within(extended, extended.start, next).start
  }
  return { partitions, reserved }
}

function within(extended: ByteRange, origin: number, { firstSector, sectors }: MbrEntry): ByteRange {
  const range = { start: origin + firstSector * SECTOR_BYTES, length: sectors * SECTOR_BYTES }
  expect(contains(extended, range), 'its chain of logical partitions leaves it')
  return range
}
