const SECTOR_BYTES = 512
const TABLE_OFFSET = 446
const LINUX = 0x83

/**
 * A master boot record with one active Linux partition (layout: UEFI specification 2.10, section 5.2.1). The fields
 * for cylinders, heads and sectors hold their "too large" value, as usual for disks addressed by sector number.
 */
export function partitionTable(partition: { startBytes: number; sizeBytes: number }): Buffer {
  const record = Buffer.alloc(SECTOR_BYTES)
  record.writeUInt32LE(0x53484f41, 440)
  record.writeUInt8(0x80, TABLE_OFFSET)
  record.fill(Buffer.from([0xfe, 0xff, 0xff]), TABLE_OFFSET + 1, TABLE_OFFSET + 4)
  record.writeUInt8(LINUX, TABLE_OFFSET + 4)
  record.fill(Buffer.from([0xfe, 0xff, 0xff]), TABLE_OFFSET + 5, TABLE_OFFSET + 8)
  record.writeUInt32LE(partition.startBytes / SECTOR_BYTES, TABLE_OFFSET + 8)
  record.writeUInt32LE(partition.sizeBytes / SECTOR_BYTES, TABLE_OFFSET + 12)
  record.writeUInt16LE(0xaa55, 510)
  return record
}
