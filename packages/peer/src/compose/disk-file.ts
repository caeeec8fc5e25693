import type { BigIntStats } from 'node:fs'
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { RandomWrite } from '@shoal/qcow2'
import { fileSink } from '@shoal/qcow2/file-access'

/**
 * Disks hold what their guests hold: for the peer's user and its group, to which QEMU's user is added, and nobody else.
 */
export const DISK_MODE = 0o640

/** A disk that is written. */
export interface DiskFile extends RandomWrite, AsyncDisposable {
  truncate(sizeBytes: number): Promise<void>
  /** Makes the content durable; its name is once its directory was synced. Returns what identifies the file. */
  finish(): Promise<string>
}

/** Makes a new file; what is at the path already, a link too, is an `EEXIST`. */
export async function createDiskFile(path: string): Promise<DiskFile> {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants
  return wrap(await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, DISK_MODE))
}

/** Opens a file that was made a moment ago. */
export async function openDiskFile(path: string): Promise<DiskFile> {
  return wrap(await open(path, constants.O_WRONLY | constants.O_NOFOLLOW))
}

/** Inode numbers are used again, and soon; with the time of birth they are not. */
export function fileIdentity(status: Pick<BigIntStats, 'ino' | 'birthtimeNs'>): string {
  return `${status.ino}-${status.birthtimeNs}`
}

async function wrap(handle: FileHandle): Promise<DiskFile> {
  // Neither the umask nor a clone's source decides.
  await handle.chmod(DISK_MODE)
  return {
    ...fileSink(handle),
    truncate: (sizeBytes) => handle.truncate(sizeBytes),
    finish: async () => {
      await handle.sync()
      return fileIdentity(await handle.stat({ bigint: true }))
    },
    [Symbol.asyncDispose]: () => handle.close(),
  }
}
