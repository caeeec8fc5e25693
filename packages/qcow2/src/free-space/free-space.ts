import { clearRuns } from './bits.ts'
import type { ByteRange } from './byte-range.ts'
import { expect, reasonOf } from './disk-fault.ts'
import type { ExtName } from './ext4-features.ts'
import { type Ext4Superblock, readSuperblock } from './ext4-superblock.ts'
import { readUsage } from './ext4-usage.ts'
import { findForeignSignature } from './foreign-signature.ts'
import type { GuestDisk } from './guest-disk.ts'
import { type GuestReader, readGuest } from './guest-reader.ts'
import { joinRanges } from './join-ranges.ts'
import { type Partition, readPartitionTable } from './partition-table.ts'

type Options = { signal?: AbortSignal | undefined }

/** A partition, or a disk without partitions. */
export interface PartitionSpace extends ByteRange {
  readonly fileSystem: ExtName | null
  readonly freeBytes: number
  /** Why all of it counts as used; `null` when what is free is known. */
  readonly reason: string | null
}

/** Where a guest's disk holds nothing. */
export interface FreeSpace {
  /** By where they start. */
  readonly partitions: readonly PartitionSpace[]
  /**
   * The free bytes in order, disjoint and with neighbours joined, without those shorter than `minLengthBytes`. It
   * reads the bitmaps again rather than hold what may be billions of ranges. Rejects as `read` of the disk does.
   */
  ranges(options?: Options & { minLengthBytes?: number }): AsyncGenerator<ByteRange>
}

/**
 * Finds the space of a disk that its file systems (ext2, ext3 and ext4, in the partitions of an MBR or GPT or on the
 * bare disk) do not use: there a guest finds nothing but rubbish of deleted files. The disk is hostile input: what is
 * unknown, in doubt or damaged counts as used, with a reason, and only a read that the disk rejects or an aborted
 * signal rejects. Memory is bounded whatever the disk says. Time goes with the bitmaps: an honest disk of 2 TiB has 64
 * MiB of them.
 */
export async function findFreeSpace(disk: GuestDisk, options: Options = {}): Promise<FreeSpace> {
  const guest = readGuest(disk, options)
  const volumes: Volume[] = []
  for (const partition of await findPartitions(guest)) volumes.push(await inspect(guest, partition, options.signal))
  return {
    partitions: volumes.map(({ space }) => space),
    ranges: ({ minLengthBytes = 1, signal } = {}) => {
      const pieces = volumes.map((volume) => freeRanges(readGuest(disk, { signal }), volume, signal))
      return joinRanges(pieces, minLengthBytes)
    },
  }
}

interface Volume {
  readonly space: PartitionSpace
  /** Only of a file system that was checked from end to end. */
  readonly superblock: Ext4Superblock | undefined
}

async function findPartitions(guest: GuestReader): Promise<Partition[]> {
  const disk = { start: 0, length: guest.sizeBytes }
  const table = await readPartitionTable(guest).catch(reasonOf)
  if (table === undefined) return [{ ...disk, fault: undefined }]
  if (typeof table === 'string') return [{ ...disk, fault: table }]
  // One of the two is left from former times, and nothing tells which.
  const whole = await readSuperblock(guest).catch(reasonOf)
  return typeof whole === 'string' ? table : [{ ...disk, fault: 'it has both a partition table and a file system' }]
}

async function inspect(guest: GuestReader, partition: Partition, signal: AbortSignal | undefined): Promise<Volume> {
  const { start, length, fault } = partition
  const used = (reason: string, fileSystem: ExtName | null = null): Volume => {
    return { space: { start, length, fileSystem, freeBytes: 0, reason }, superblock: undefined }
  }
  if (fault !== undefined) return used(fault)
  const inside = guest.part(start, length)
  const superblock = await readSuperblock(inside).catch(reasonOf)
  if (typeof superblock === 'string') return used(superblock)
  const fileSystem = superblock.name
  if (superblock.refusal !== undefined) return used(superblock.refusal, fileSystem)
  const freeBytes = await countFree(inside, superblock, signal).catch(reasonOf)
  if (typeof freeBytes === 'string') return used(freeBytes, fileSystem)
  return { space: { start, length, fileSystem, freeBytes, reason: null }, superblock }
}

/** Reads all that tells what is free, which checks it. Throws a `DiskFault`. */
async function countFree(inside: GuestReader, superblock: Ext4Superblock, signal: AbortSignal | undefined) {
  const foreign = await findForeignSignature(inside)
  expect(foreign === undefined, `it also has the signature of ${foreign}`)
  let clusters = 0
  for await (const { freeClusters } of readUsage(inside, superblock, signal)) clusters += freeClusters
  return clusters * superblock.clusterBlocks * superblock.blockBytes
}

/** The free ranges of each group of a volume. */
async function* freeRanges(
  guest: GuestReader,
  { space, superblock }: Volume,
  signal: AbortSignal | undefined,
): AsyncGenerator<ByteRange[]> {
  if (superblock === undefined) return
  const inside = guest.part(space.start, space.length)
  const { blockBytes, clusterBlocks } = superblock
  const clusterBytes = clusterBlocks * blockBytes
  try {
    for await (const { firstBlock, clusters, bitmap } of readUsage(inside, superblock, signal)) {
      const groupStart = space.start + firstBlock * blockBytes
      const ranges: ByteRange[] = []
      for (const [from, to] of clearRuns(bitmap, clusters)) {
        ranges.push({ start: groupStart + from * clusterBytes, length: (to - from) * clusterBytes })
      }
      yield ranges
    }
  } catch (error) {
    // It was sound when it was looked at first. If the disk changed since, the rest counts as used.
    reasonOf(error)
  }
}
