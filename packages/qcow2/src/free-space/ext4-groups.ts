import { expect } from './disk-fault.ts'
import { isDescriptorRight } from './ext4-checksum.ts'
import { descriptorBlock, descriptorsPerBlock, groupLength, groupStart } from './ext4-layout.ts'
import type { Ext4Superblock } from './ext4-superblock.ts'
import type { GuestReader } from './guest-reader.ts'

/**
 * Bit of a group's flags: the block bitmap was never written, and nothing but metadata is used
 * (`EXT4_BG_BLOCK_UNINIT`).
 */
const BLOCKS_UNINITIALISED = 2
const HIGH_HALF = 0x20

/** A group as its descriptor has it. */
export interface Ext4Group {
  readonly index: number
  readonly firstBlock: number
  readonly blocks: number
  readonly isUninitialised: boolean
  /** Block numbers. */
  readonly blockBitmap: number
  readonly inodeBitmap: number
  readonly inodeTable: number
  /** How many clusters are free, it says. */
  readonly freeClusters: number
  readonly descriptor: Buffer
}

/**
 * The groups in order (kernel documentation, ext4, "Block Group Descriptors"). Throws a `DiskFault` for a descriptor
 * with a wrong checksum or one that points to where nothing of its group may be.
 */
export async function* readGroups(
  partition: GuestReader,
  superblock: Ext4Superblock,
  signal: AbortSignal | undefined,
): AsyncGenerator<Ext4Group> {
  const { blockBytes, descriptorBytes, groupCount, checksum } = superblock
  const perBlock = descriptorsPerBlock(superblock)
  for (let first = 0; first < groupCount; first += perBlock) {
    signal?.throwIfAborted()
    const offset = descriptorBlock(superblock, first / perBlock) * blockBytes
    const descriptors = await partition.read(offset, blockBytes)
    for (let index = first; index < Math.min(first + perBlock, groupCount); index += 1) {
      const at = (index - first) * descriptorBytes
      const descriptor = descriptors.subarray(at, at + descriptorBytes)
      const isRight = isDescriptorRight(checksum, index, descriptor)
      expect(isRight, `the checksum of the descriptor of its group ${index} is wrong`)
      yield readGroup(superblock, index, descriptor)
    }
  }
}

function readGroup(superblock: Ext4Superblock, index: number, descriptor: Buffer): Ext4Group {
  const isWide = descriptor.length > HIGH_HALF
  const blockAt = (offset: number) =>
    descriptor.readUInt32LE(offset) + (isWide ? descriptor.readUInt32LE(offset + HIGH_HALF) * 2 ** 32 : 0)
  const freeHigh = isWide ? descriptor.readUInt16LE(0x2c) * 2 ** 16 : 0
  // Without checksums there are no flags: the kernel then reads the bitmap.
  const hasFlags = superblock.checksum.kind !== 'none'
  const group = {
    index,
    firstBlock: groupStart(superblock, index),
    blocks: groupLength(superblock, index),
    isUninitialised: hasFlags && (descriptor.readUInt16LE(0x12) & BLOCKS_UNINITIALISED) !== 0,
    blockBitmap: blockAt(0),
    inodeBitmap: blockAt(0x4),
    inodeTable: blockAt(0x8),
    freeClusters: freeHigh + descriptor.readUInt16LE(0xc),
    descriptor,
  }
  const [from, to] = superblock.isFlexible
    ? [superblock.firstBlock, superblock.blockCount]
    : [group.firstBlock, group.firstBlock + group.blocks]
  const ends = [group.blockBitmap + 1, group.inodeBitmap + 1, group.inodeTable + superblock.inodeTableBlocks]
  const starts = [group.blockBitmap, group.inodeBitmap, group.inodeTable]
  const isWithin = starts.every((start) => start >= from) && ends.every((end) => end <= to)
  expect(isWithin, `the descriptor of its group ${index} points to where nothing of it may be`)
  return group
}
