import type { Ext4Geometry } from './ext4-geometry.ts'

/** The first block of a group. */
export function groupStart({ firstBlock, groupBlocks }: Ext4Geometry, group: number): number {
  return firstBlock + group * groupBlocks
}

/** How many blocks a group has: the last may have fewer. */
export function groupLength(geometry: Ext4Geometry, group: number): number {
  return Math.min(geometry.groupBlocks, geometry.blockCount - groupStart(geometry, group))
}

/** The block that holds a block of group descriptors (kernel documentation, ext4, "Meta Block Groups"). */
export function descriptorBlock(geometry: Ext4Geometry, index: number): number {
  const { blockBytes, commonDescriptorBlocks } = geometry
  if (index < commonDescriptorBlocks) return (blockBytes === 1024 ? 1 : 0) + 1 + index
  const group = index * descriptorsPerBlock(geometry)
  return groupStart(geometry, group) + bootBlocks(geometry, group) + Number(hasCopy(geometry, group))
}

/**
 * How many blocks at a group's start the boot block, a copy of the superblock and group descriptors take, also those in
 * reserve.
 */
export function headBlocks(geometry: Ext4Geometry, group: number): number {
  const { commonDescriptorBlocks, reservedDescriptorBlocks } = geometry
  const copies = bootBlocks(geometry, group) + Number(hasCopy(geometry, group))
  const inMeta = group % descriptorsPerBlock(geometry)
  const isCommon = (group - inMeta) / descriptorsPerBlock(geometry) < commonDescriptorBlocks
  if (isCommon) return hasCopy(geometry, group) ? copies + commonDescriptorBlocks + reservedDescriptorBlocks : copies
  // A meta group has its block of descriptors in its first, second and last group.
  const hasDescriptors = inMeta <= 1 || inMeta === descriptorsPerBlock(geometry) - 1
  return hasDescriptors ? copies + 1 : copies
}

export function descriptorsPerBlock({ blockBytes, descriptorBytes }: Ext4Geometry): number {
  return blockBytes / descriptorBytes
}

/** Blocks of 1 KiB in larger clusters: group 0 begins with the block before the superblock. */
function bootBlocks({ blockBytes, firstBlock }: Ext4Geometry, group: number): number {
  return group === 0 && blockBytes === 1024 && firstBlock === 0 ? 1 : 0
}

/** Whether a group begins with a copy of the superblock: with `sparse_super` 0, 1 and the powers of 3, 5 and 7. */
function hasCopy({ copies }: Ext4Geometry, group: number): boolean {
  if (copies === 'all' || group === 0) return true
  if (copies === 'sparse') return group === 1 || [3, 5, 7].some((root) => isPowerOf(root, group))
  return copies.includes(group)
}

function isPowerOf(root: number, value: number): boolean {
  let power = root
  while (power < value) power *= root
  return power === value
}
