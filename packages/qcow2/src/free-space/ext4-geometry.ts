import { expect } from './disk-fault.ts'
import { COMPATIBLE, type Ext4Features, INCOMPATIBLE, READ_ONLY_COMPATIBLE } from './ext4-features.ts'

/** 64 KiB, in powers of two above 1 KiB. */
const MAX_BLOCK_LOG = 6
/** The kernel's bound, 1 GiB. */
const MAX_CLUSTER_LOG = 20
const SMALL_DESCRIPTOR_BYTES = 32
/** So many has a file system of 32 TiB with blocks of 1 KiB. */
const MAX_GROUPS = 2 ** 22

/** Where a file system has what. Blocks are numbered from its start. */
export interface Ext4Geometry {
  readonly blockBytes: number
  readonly blockCount: number
  /** A bit of a bitmap stands for a cluster of so many blocks: 1 but for `bigalloc`. */
  readonly clusterBlocks: number
  /** The first block of group 0: 1 when blocks are so small that the superblock is in the second. */
  readonly firstBlock: number
  readonly groupBlocks: number
  readonly groupCount: number
  readonly inodeTableBlocks: number
  readonly descriptorBytes: number
  readonly reservedDescriptorBlocks: number
  /**
   * Descriptor blocks that all lie after the superblock; the others lie in the groups that they describe (`meta_bg`).
   */
  readonly commonDescriptorBlocks: number
  /** Which groups begin with a copy of the superblock: all, those of `sparse_super`, or these. */
  readonly copies: 'all' | 'sparse' | readonly number[]
  /** Whether a group's bitmaps and inode table may lie in another. */
  readonly isFlexible: boolean
}

/**
 * Reads it from a superblock (kernel documentation, ext4, "The Super Block"), in a partition of so many bytes. The
 * bounds are the kernel's, from what it checks before it mounts. Throws a `DiskFault`.
 */
export function readGeometry(bytes: Buffer, features: Ext4Features, partitionBytes: number): Ext4Geometry {
  const blockLog = bytes.readUInt32LE(0x18)
  expect(blockLog <= MAX_BLOCK_LOG, 'its blocks are too large')
  const blockBytes = 1024 * 2 ** blockLog
  const { clusterBlocks, groupBlocks } = readClusters(bytes, features, blockLog)
  const firstBlock = blockBytes === 1024 && clusterBlocks === 1 ? 1 : 0
  expect(bytes.readUInt32LE(0x14) === firstBlock, 'its first block is not where it must be')
  const isWide = (features.incompatible & INCOMPATIBLE.wide) !== 0
  const blockCount = (isWide ? bytes.readUInt32LE(0x150) : 0) * 2 ** 32 + bytes.readUInt32LE(0x4)
  expect(blockCount > firstBlock, 'it has no blocks')
  expect(blockCount * blockBytes <= partitionBytes, 'it is larger than its partition')
  expect(blockCount % clusterBlocks === 0, 'its last cluster is not whole')
  const groupCount = Math.ceil((blockCount - firstBlock) / groupBlocks)
  expect(groupCount <= MAX_GROUPS, `${groupCount} groups are too many`)
  return {
    blockBytes,
    blockCount,
    clusterBlocks,
    firstBlock,
    groupBlocks,
    groupCount,
    inodeTableBlocks: readInodeTableBlocks(bytes, { blockBytes, groupBlocks, groupCount }),
    ...readDescriptors(bytes, features, { blockBytes, groupCount }),
    copies: readCopies(bytes, features),
    isFlexible: (features.incompatible & INCOMPATIBLE.flexibleGroups) !== 0,
  }
}

function readClusters(bytes: Buffer, { readOnlyCompatible }: Ext4Features, blockLog: number) {
  const clusterLog = bytes.readUInt32LE(0x1c)
  const groupBlocks = bytes.readUInt32LE(0x20)
  const hasClusters = (readOnlyCompatible & READ_ONLY_COMPATIBLE.clusters) !== 0
  const isRight = hasClusters ? clusterLog >= blockLog && clusterLog <= MAX_CLUSTER_LOG : clusterLog === blockLog
  expect(isRight, 'its clusters are not as large as they must be')
  const clusterBlocks = 2 ** (clusterLog - blockLog)
  const groupClusters = groupBlocks / clusterBlocks
  // The bitmap of a group is one block.
  const isWhole = groupClusters > 0 && groupClusters % 8 === 0 && groupClusters <= 8 * 1024 * 2 ** blockLog
  expect(isWhole, 'its groups are not as large as they must be')
  expect(!hasClusters || bytes.readUInt32LE(0x24) === groupClusters, 'its groups have too many or too few clusters')
  return { clusterBlocks, groupBlocks }
}

type Groups = Pick<Ext4Geometry, 'blockBytes' | 'groupCount'>

function readInodeTableBlocks(bytes: Buffer, groups: Groups & Pick<Ext4Geometry, 'groupBlocks'>): number {
  const { blockBytes, groupBlocks, groupCount } = groups
  const isFirstRevision = bytes.readUInt32LE(0x4c) === 0
  const inodeBytes = isFirstRevision ? 128 : bytes.readUInt16LE(0x58)
  const isRight = inodeBytes >= 128 && inodeBytes <= blockBytes && isPowerOfTwo(inodeBytes)
  expect(isRight, 'its inodes are not as large as they must be')
  const groupInodes = bytes.readUInt32LE(0x28)
  expect(groupInodes > 0 && groupInodes <= 8 * blockBytes, 'its groups have too many inodes or none')
  expect(bytes.readUInt32LE(0) === groupInodes * groupCount, 'its inodes are not as many as those of its groups')
  const tableBlocks = Math.ceil((groupInodes * inodeBytes) / blockBytes)
  expect(tableBlocks < groupBlocks, 'its inode tables are larger than its groups')
  return tableBlocks
}

function readDescriptors(bytes: Buffer, { incompatible }: Ext4Features, { blockBytes, groupCount }: Groups) {
  const isWide = (incompatible & INCOMPATIBLE.wide) !== 0
  const descriptorBytes = isWide ? bytes.readUInt16LE(0xfe) : SMALL_DESCRIPTOR_BYTES
  const isRight = !isWide || (descriptorBytes >= 64 && descriptorBytes <= 1024 && isPowerOfTwo(descriptorBytes))
  expect(isRight, 'its group descriptors are not as large as they must be')
  const descriptorBlocks = Math.ceil((groupCount * descriptorBytes) / blockBytes)
  const reservedDescriptorBlocks = bytes.readUInt16LE(0xce)
  expect(reservedDescriptorBlocks <= blockBytes / 4, 'it reserves too many blocks for group descriptors')
  const isMeta = (incompatible & INCOMPATIBLE.metaGroups) !== 0
  const commonDescriptorBlocks = isMeta ? bytes.readUInt32LE(0x104) : descriptorBlocks
  expect(commonDescriptorBlocks <= descriptorBlocks, 'its first meta group is beyond its groups')
  return { descriptorBytes, reservedDescriptorBlocks, commonDescriptorBlocks }
}

function readCopies(bytes: Buffer, { compatible, readOnlyCompatible }: Ext4Features): Ext4Geometry['copies'] {
  if ((compatible & COMPATIBLE.twoBackups) !== 0) return [0, bytes.readUInt32LE(0x24c), bytes.readUInt32LE(0x250)]
  return (readOnlyCompatible & READ_ONLY_COMPATIBLE.sparseSuperblocks) === 0 ? 'all' : 'sparse'
}

function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(Math.log2(value))
}
