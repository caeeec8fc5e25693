import { expect } from './disk-fault.ts'
import { type Ext4Checksum, readChecksum } from './ext4-checksum.ts'
import { type Ext4Features, type ExtName, INCOMPATIBLE, nameOf, readFeatures } from './ext4-features.ts'
import { type Ext4Geometry, readGeometry } from './ext4-geometry.ts'
import type { GuestReader } from './guest-reader.ts'

/** Where it is, whatever the size of a block. */
const SUPERBLOCK_OFFSET = 1024
const SUPERBLOCK_BYTES = 1024
const MAGIC = 0xef53
/** Bits of the state: cleanly unmounted, and errors were seen. */
const CLEAN = 1
const ERRORS = 2
const UNKNOWN = 'unknown file system'

/** What a superblock of ext2, ext3 or ext4 says of how space is accounted. */
export interface Ext4Superblock extends Ext4Geometry {
  readonly name: ExtName
  readonly checksum: Ext4Checksum
  /** Why the bitmaps may not be believed although the superblock is sound. */
  readonly refusal: string | undefined
}

/**
 * Reads the superblock of a partition (kernel documentation, ext4, "The Super Block"). Throws a `DiskFault` when it
 * has none or one that is not as it must be.
 */
export async function readSuperblock(partition: GuestReader): Promise<Ext4Superblock> {
  expect(partition.sizeBytes >= SUPERBLOCK_OFFSET + SUPERBLOCK_BYTES, UNKNOWN)
  const bytes = await partition.read(SUPERBLOCK_OFFSET, SUPERBLOCK_BYTES)
  expect(bytes.readUInt16LE(0x38) === MAGIC, UNKNOWN)
  const features = readFeatures(bytes)
  expect((features.incompatible & INCOMPATIBLE.journalDevice) === 0, 'it is the journal of another file system')
  const checksum = readChecksum(bytes, features)
  // A partition may begin where an older one had a copy.
  expect(bytes.readUInt16LE(0x5a) === 0, 'its superblock is a copy')
  const geometry = readGeometry(bytes, features, partition.sizeBytes)
  return { ...geometry, name: nameOf(features), checksum, refusal: readRefusal(bytes, features) }
}

/** A journal that is replayed, or a check that repairs, may make blocks used again that the bitmaps call free. */
function readRefusal(bytes: Buffer, { incompatible }: Ext4Features): string | undefined {
  const state = bytes.readUInt16LE(0x3a)
  if ((incompatible & INCOMPATIBLE.recover) !== 0) return 'its journal has to be replayed first'
  if ((state & CLEAN) === 0) return 'it was not cleanly unmounted'
  return (state & ERRORS) === 0 ? undefined : 'errors were found in it'
}
