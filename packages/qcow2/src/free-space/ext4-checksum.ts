import { crc16, crc32c } from './crc.ts'
import { expect } from './disk-fault.ts'
import { type Ext4Features, INCOMPATIBLE, READ_ONLY_COMPATIBLE } from './ext4-features.ts'

const ALL_ONES = 0xffffffff
const SUPERBLOCK_CHECKSUM = 0x3fc
const DESCRIPTOR_CHECKSUM = 0x1e
const BITMAP_CHECKSUM_LOW = 0x18
const BITMAP_CHECKSUM_HIGH = 0x38

/**
 * How a file system's metadata is checked, and what each sum goes on from (kernel documentation, ext4, "Checksums").
 */
export type Ext4Checksum =
  | { readonly kind: 'none' }
  /** Descriptors only: `gdt_csum`, which mke2fs calls `uninit_bg`. */
  | { readonly kind: 'crc16'; readonly seed: number }
  /** Everything: `metadata_csum`. */
  | { readonly kind: 'crc32c'; readonly seed: number }

/** The kind by the features. Throws a `DiskFault` when the superblock's own sum is wrong. */
export function readChecksum(superblock: Buffer, features: Ext4Features): Ext4Checksum {
  const uuid = superblock.subarray(0x68, 0x78)
  if ((features.readOnlyCompatible & READ_ONLY_COMPATIBLE.metadataChecksums) === 0) {
    const isChecked = (features.readOnlyCompatible & READ_ONLY_COMPATIBLE.groupChecksums) !== 0
    return isChecked ? { kind: 'crc16', seed: crc16(uuid, 0xffff) } : { kind: 'none' }
  }
  expect(superblock.readUInt8(0x175) === 1, 'it has checksums of an unknown kind')
  const sum = crc32c(superblock.subarray(0, SUPERBLOCK_CHECKSUM), ALL_ONES)
  expect(sum === superblock.readUInt32LE(SUPERBLOCK_CHECKSUM), 'the checksum of its superblock is wrong')
  const hasSeed = (features.incompatible & INCOMPATIBLE.checksumSeed) !== 0
  return { kind: 'crc32c', seed: hasSeed ? superblock.readUInt32LE(0x270) : crc32c(uuid, ALL_ONES) }
}

/** Whether a group's descriptor has the sum that it names. */
export function isDescriptorRight(checksum: Ext4Checksum, group: number, descriptor: Buffer): boolean {
  if (checksum.kind === 'none') return true
  const number = Buffer.alloc(4)
  number.writeUInt32LE(group)
  const before = descriptor.subarray(0, DESCRIPTOR_CHECKSUM)
  const after = descriptor.subarray(DESCRIPTOR_CHECKSUM + 2)
  // One leaves out the sum itself, the other takes it for zero.
  const parts = checksum.kind === 'crc16' ? [number, before, after] : [number, before, Buffer.alloc(2), after]
  const crc = checksum.kind === 'crc16' ? crc16 : crc32c
  const sum = parts.reduce((value, part) => crc(part, value), checksum.seed)
  return (sum & 0xffff) === descriptor.readUInt16LE(DESCRIPTOR_CHECKSUM)
}

/** Whether a block bitmap, without the rest of its block, has the sum that its group's descriptor names. */
export function isBitmapRight(checksum: Ext4Checksum, bitmap: Buffer, descriptor: Buffer): boolean {
  if (checksum.kind !== 'crc32c') return true
  const sum = crc32c(bitmap, checksum.seed)
  const isLowRight = (sum & 0xffff) === descriptor.readUInt16LE(BITMAP_CHECKSUM_LOW)
  const hasHigh = descriptor.length > BITMAP_CHECKSUM_HIGH
  return isLowRight && (!hasHigh || sum >>> 16 === descriptor.readUInt16LE(BITMAP_CHECKSUM_HIGH))
}
