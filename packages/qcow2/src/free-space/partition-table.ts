import { type ByteRange, contains, overlaps } from './byte-range.ts'
import { reasonOf } from './disk-fault.ts'
import { readGpt } from './gpt.ts'
import type { GuestReader } from './guest-reader.ts'
import { readLogicalPartitions } from './logical-partitions.ts'
import { readMbr, SECTOR_BYTES } from './mbr.ts'
import type { TableContent } from './table-content.ts'

/** A partition, or what counts as one. */
export interface Partition extends ByteRange {
  /** Why nothing in it may be believed. */
  readonly fault: string | undefined
}

/**
 * The partitions of a disk in order, by its GPT when its master boot record says that there is one, otherwise by that
 * record; `undefined` when it has no table. Those that overlap or are not all on the disk have a fault, and an extended
 * partition whose chain has one is given as one. Throws a `DiskFault` for a GPT that is not as it must be.
 */
export async function readPartitionTable(guest: GuestReader): Promise<Partition[] | undefined> {
  if (guest.sizeBytes < SECTOR_BYTES) return undefined
  const entries = readMbr(await guest.read(0, SECTOR_BYTES))?.filter(({ sectors }) => sectors > 0)
  if (entries === undefined || entries.length === 0) return undefined
  if (entries.some(({ isProtective }) => isProtective)) return check(guest, await readGpt(guest), [])
  const partitions: ByteRange[] = []
  const reserved: ByteRange[] = [{ start: 0, length: SECTOR_BYTES }]
  const broken: Partition[] = []
  for (const { isExtended, firstSector, sectors } of entries) {
    const range = { start: firstSector * SECTOR_BYTES, length: sectors * SECTOR_BYTES }
    if (!isExtended) partitions.push(range)
    else {
      const logical = await readLogicalPartitions(guest, range).catch(reasonOf)
      if (typeof logical === 'string') broken.push({ ...range, fault: logical })
      else {
        partitions.push(...logical.partitions)
        reserved.push(...logical.reserved)
      }
    }
  }
  return check(guest, { partitions, reserved }, broken)
}

function check(guest: GuestReader, { partitions, reserved }: TableContent, broken: readonly Partition[]): Partition[] {
  const disk = { start: 0, length: guest.sizeBytes }
  const all = [...partitions, ...broken, ...reserved]
  const faultOf = (partition: ByteRange) => {
    if (!contains(disk, partition)) return 'it reaches beyond the end of the disk'
    return all.some((other) => other !== partition && overlaps(partition, other)) ? 'it overlaps another' : undefined
  }
  const checked = partitions.map((partition) => ({ ...partition, fault: faultOf(partition) }))
  return [...checked, ...broken].sort((one, other) => one.start - other.start)
}
