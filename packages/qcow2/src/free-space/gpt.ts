import { crc32 } from 'node:zlib'
import type { ByteRange } from './byte-range.ts'
import { expect } from './disk-fault.ts'
import type { GuestReader } from './guest-reader.ts'
import { SECTOR_BYTES } from './mbr.ts'
import type { TableContent } from './table-content.ts'

const SIGNATURE = 'EFI PART'
const MIN_HEADER_BYTES = 92
const HEADER_CHECKSUM = 16
/** Larger entries are allowed, but nobody writes them and Linux does not read them. */
const ENTRY_BYTES = 128
/** Tools write 128 and can be told to write more. */
const MAX_ENTRIES = 1024

/**
 * The partitions of a GUID partition table by its primary header and entries, both with their checksums (UEFI
 * specification 2.10, section 5.3). Throws a `DiskFault` for one that is not as it must be: the backup at the end of
 * the disk is left to repair tools.
 */
export async function readGpt(guest: GuestReader): Promise<TableContent> {
  const header = await guest.read(SECTOR_BYTES, SECTOR_BYTES)
  checkHeader(header)
  const first = sectorAt(header, 40)
  const last = sectorAt(header, 48)
  expect((last + 1) * SECTOR_BYTES <= guest.sizeBytes, 'its GPT is of a larger disk')
  const count = header.readUInt32LE(80)
  expect(count <= MAX_ENTRIES, 'the entries of its GPT are too many')
  expect(header.readUInt32LE(84) === ENTRY_BYTES, 'the entries of its GPT are not as large as usual')
  const table = { start: sectorAt(header, 72) * SECTOR_BYTES, length: count * ENTRY_BYTES }
  const entries = await guest.read(table.start, table.length)
  expect(crc32(entries) === header.readUInt32LE(88), 'the checksum of the entries of its GPT is wrong')
  const partitions: ByteRange[] = []
  for (let at = 0; at < entries.length; at += ENTRY_BYTES) {
    const isUsed = entries.subarray(at, at + 16).some((byte) => byte !== 0)
    if (isUsed) partitions.push(readEntry(entries, at, first, last))
  }
  return { partitions, reserved: [{ start: 0, length: 2 * SECTOR_BYTES }, table] }
}

function checkHeader(header: Buffer): void {
  expect(header.toString('latin1', 0, SIGNATURE.length) === SIGNATURE, 'its GPT has no primary header')
  const bytes = header.readUInt32LE(12)
  expect(bytes >= MIN_HEADER_BYTES && bytes <= SECTOR_BYTES, `the header of its GPT has ${bytes} bytes`)
  const checked = Buffer.from(header.subarray(0, bytes)).fill(0, HEADER_CHECKSUM, HEADER_CHECKSUM + 4)
  expect(crc32(checked) === header.readUInt32LE(HEADER_CHECKSUM), 'the checksum of the header of its GPT is wrong')
  expect(sectorAt(header, 24) === 1, 'the header of its GPT is not where it says')
}

function readEntry(entries: Buffer, at: number, firstUsable: number, lastUsable: number): ByteRange {
  const first = sectorAt(entries, at + 32)
  const last = sectorAt(entries, at + 40)
  expect(first >= firstUsable && first <= last && last <= lastUsable, 'a partition of its GPT is not where one may be')
  return { start: first * SECTOR_BYTES, length: (last - first + 1) * SECTOR_BYTES }
}

/** A sector number. One too large to be exact is also too large for any disk. */
function sectorAt(bytes: Buffer, offset: number): number {
  return Number(bytes.readBigUInt64LE(offset))
}
