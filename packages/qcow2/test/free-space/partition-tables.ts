import { crc32 } from 'node:zlib'

const SECTOR_BYTES = 512
const LINUX = Buffer.from('af3dc60f838472478e793d69d8477de4', 'hex')

/** A partition in sectors. */
export interface Sectors {
  readonly first: number
  readonly count: number
  readonly type?: number
}

/** A boot record with up to four entries. */
export function bootRecord(entries: readonly Sectors[], status = 0): Buffer {
  const record = Buffer.alloc(SECTOR_BYTES)
  for (const [index, { first, count, type = 0x83 }] of entries.entries()) {
    const at = 446 + 16 * index
    record.writeUInt8(status, at)
    record.writeUInt8(type, at + 4)
    record.writeUInt32LE(first, at + 8)
    record.writeUInt32LE(count, at + 12)
  }
  record.writeUInt16LE(0xaa55, 510)
  return record
}

/** The first 34 sectors of a disk with a GPT, and then nothing. */
export function gptDisk(
  sizeBytes: number,
  partitions: readonly Sectors[],
  change: (header: Buffer) => void = () => {},
): Buffer {
  const disk = Buffer.alloc(sizeBytes)
  const sectors = sizeBytes / SECTOR_BYTES
  bootRecord([{ first: 1, count: sectors - 1, type: 0xee }]).copy(disk)
  const entries = disk.subarray(2 * SECTOR_BYTES, 34 * SECTOR_BYTES)
  for (const [index, { first, count }] of partitions.entries()) {
    LINUX.copy(entries, index * 128)
    entries.fill(index + 1, index * 128 + 16, index * 128 + 32)
    entries.writeBigUInt64LE(BigInt(first), index * 128 + 32)
    entries.writeBigUInt64LE(BigInt(first + count - 1), index * 128 + 40)
  }
  const header = disk.subarray(SECTOR_BYTES, SECTOR_BYTES + 92)
  header.write('EFI PART', 'latin1')
  header.writeUInt32LE(0x10000, 8)
  header.writeUInt32LE(92, 12)
  header.writeBigUInt64LE(1n, 24)
  header.writeBigUInt64LE(BigInt(sectors - 1), 32)
  header.writeBigUInt64LE(34n, 40)
  header.writeBigUInt64LE(BigInt(sectors - 34), 48)
  header.writeBigUInt64LE(2n, 72)
  header.writeUInt32LE(128, 80)
  header.writeUInt32LE(128, 84)
  header.writeUInt32LE(crc32(entries), 88)
  change(header)
  header.writeUInt32LE(0, 16)
  header.writeUInt32LE(crc32(header), 16)
  return disk
}
