import { lstat, mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorCode } from '@shoal/core'

/** The unit of `st_blocks` (stat(2)), whatever blocks the file system has. */
export const STAT_BLOCK_BYTES = 512

/** Writes a new file and syncs it; its name is durable once its directory was synced. */
export async function writeDurableFile(path: string, data: Uint8Array): Promise<void> {
  await using file = await open(path, 'wx', 0o644)
  await file.writeFile(data)
  await file.sync()
}

/** Makes the entries of a directory durable, or the content of a file. */
export async function syncPath(path: string): Promise<void> {
  await using handle = await open(path, 'r')
  await handle.sync()
}

/** Makes a directory and whatever is missing above it; all of it is durable. */
export async function makeDurableDirectory(path: string): Promise<void> {
  const highest = await mkdir(path, { recursive: true })
  if (highest === undefined) return
  for (let made = path; ; made = dirname(made)) {
    await syncPath(dirname(made))
    if (made === highest || made === dirname(made)) return
  }
}

/** Bytes that what is at the path occupies, a link itself and not what it leads to; 0 if it went away meanwhile. */
export async function fileAllocation(path: string): Promise<number> {
  try {
    return (await lstat(path)).blocks * STAT_BLOCK_BYTES
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '')) return 0
    throw error
  }
}
