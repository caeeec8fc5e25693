import { mkdir, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { copyTree, type SourceFile } from '../dev/image-content.ts'
import { partitionTable } from '../dev/partition-table.ts'
import { runTool } from '../dev/system-tool.ts'
import { PARTITION_OFFSET_BYTES } from './guest-set.ts'

const MIB = 1024 ** 2
const FILE_SYSTEM_ID = 'f0c7a1de-5b3c-4e8e-9a41-6c2d9e0b7a55'

/**
 * Writes a raw disk with these files and an empty /opt in an ext4 file system on its one partition; `tree` is a
 * directory that it makes and removes.
 */
export async function writeSmallDisk(
  disk: string,
  files: readonly SourceFile[],
  { diskMiB, tree, signal }: { diskMiB: number; tree: string; signal?: AbortSignal | undefined },
): Promise<void> {
  await copyTree(files, tree, signal === undefined ? {} : { signal })
  await mkdir(join(tree, 'opt'), { recursive: true })
  const partitionBytes = diskMiB * MIB - PARTITION_OFFSET_BYTES
  await writeFile(disk, partitionTable({ startBytes: PARTITION_OFFSET_BYTES, sizeBytes: partitionBytes }))
  await truncate(disk, diskMiB * MIB)
  const fixed = `offset=${PARTITION_OFFSET_BYTES},hash_seed=${FILE_SYSTEM_ID},lazy_itable_init=0`
  const size = `${Math.floor(partitionBytes / 1024)}k`
  const flags = ['-q', '-F', '-t', 'ext4', '-U', FILE_SYSTEM_ID, '-E', fixed]
  await runTool('mke2fs', [...flags, '-d', tree, disk, size], { signal })
  await rm(tree, { recursive: true })
}
