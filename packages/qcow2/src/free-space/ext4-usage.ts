import { countClearBits, setBits } from './bits.ts'
import { expect } from './disk-fault.ts'
import { isBitmapRight } from './ext4-checksum.ts'
import { type Ext4Group, readGroups } from './ext4-groups.ts'
import { headBlocks } from './ext4-layout.ts'
import type { Ext4Superblock } from './ext4-superblock.ts'
import type { GuestReader } from './guest-reader.ts'

/** What is used of a group of blocks. */
export interface GroupUsage {
  readonly firstBlock: number
  readonly clusters: number
  readonly freeClusters: number
  /** A bit for each cluster, 1 for those that are used. */
  readonly bitmap: Buffer
}

/**
 * What is used, group by group. A group's own metadata counts as used whatever its bitmap says; what is then free has
 * to be as much as the group's descriptor says, which is what the kernel asks of a bitmap before it allocates from it,
 * and what proves that a group without a bitmap has nothing but metadata. Throws a `DiskFault` when something is not as
 * it must be: nothing that was given before is then to be believed, so all of it has to be read once before any is.
 */
export async function* readUsage(
  partition: GuestReader,
  superblock: Ext4Superblock,
  signal: AbortSignal | undefined,
): AsyncGenerator<GroupUsage> {
  const uninitialised = Buffer.alloc(Math.ceil(superblock.groupCount / 8))
  const lenders = Buffer.alloc(uninitialised.length)
  for await (const group of readGroups(partition, superblock, signal)) {
    const clusters = Math.ceil(group.blocks / superblock.clusterBlocks)
    const bitmap = group.isUninitialised
      ? Buffer.alloc(Math.ceil(clusters / 8))
      : await readBitmap(partition, superblock, group)
    for (const [start, blocks] of metadataOf(superblock, group)) markUsed(bitmap, superblock, group, start, blocks)
    const freeClusters = countClearBits(bitmap, clusters)
    expect(freeClusters === group.freeClusters, `its group ${group.index} has not as much free as it says`)
    if (group.isUninitialised) setBits(uninitialised, group.index, group.index + 1)
    for (const lender of lendersOf(superblock, group)) setBits(lenders, lender, lender + 1)
    yield { firstBlock: group.firstBlock, clusters, freeClusters, bitmap }
  }
  const isProven = lenders.every((bits, at) => (bits & (uninitialised[at] ?? 0)) === 0)
  expect(isProven, 'a group that was never written to has metadata of another')
}

/** A copy of the bitmap of a group, without the rest of its block. */
async function readBitmap(partition: GuestReader, superblock: Ext4Superblock, group: Ext4Group): Promise<Buffer> {
  const { blockBytes, clusterBlocks, groupBlocks, checksum } = superblock
  const bitmap = await partition.read(group.blockBitmap * blockBytes, groupBlocks / clusterBlocks / 8)
  const isRight = isBitmapRight(checksum, bitmap, group.descriptor)
  expect(isRight, `the checksum of the block bitmap of its group ${group.index} is wrong`)
  return Buffer.from(bitmap)
}

/** First block and number of blocks of each piece of a group's metadata. */
function metadataOf(superblock: Ext4Superblock, group: Ext4Group): (readonly [start: number, blocks: number])[] {
  return [
    [group.firstBlock, headBlocks(superblock, group.index)],
    [group.blockBitmap, 1],
    [group.inodeBitmap, 1],
    [group.inodeTable, superblock.inodeTableBlocks],
  ]
}

/** Marks what lies in the group itself: with flexible groups the rest is in others, whose bitmaps have it. */
function markUsed(bitmap: Buffer, { clusterBlocks }: Ext4Superblock, group: Ext4Group, start: number, blocks: number) {
  const from = Math.max(0, start - group.firstBlock)
  const to = Math.min(group.blocks, start + blocks - group.firstBlock)
  if (from < to) setBits(bitmap, Math.floor(from / clusterBlocks), Math.ceil(to / clusterBlocks))
}

/** The other groups in which a group has metadata. An inode table is shorter than a group, so its two ends tell. */
function lendersOf({ firstBlock, groupBlocks, inodeTableBlocks }: Ext4Superblock, group: Ext4Group): number[] {
  const { blockBitmap, inodeBitmap, inodeTable } = group
  return [blockBitmap, inodeBitmap, inodeTable, inodeTable + inodeTableBlocks - 1]
    .map((block) => Math.floor((block - firstBlock) / groupBlocks))
    .filter((index) => index !== group.index)
}
