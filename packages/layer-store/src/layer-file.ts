import { constants } from 'node:fs'
import { type FileHandle, lstat, open } from 'node:fs/promises'
import { errorCode } from '@shoal/core'
import { storeError } from './errors.ts'

/** The open file of one layer. */
export interface LayerFile {
  /** Inode number, decimal. */
  readonly inode: string
  readonly sizeBytes: number
  /** One pread into a buffer of its own; shorter than `length` where the file ends. */
  read(position: number, length: number): Promise<Buffer>
  write(position: number, data: Uint8Array): Promise<void>
  /** Data, and the metadata needed to find it, reach the disk. */
  sync(): Promise<void>
  truncate(sizeBytes: number): Promise<void>
  /** Waits for calls under way. */
  close(): Promise<void>
}

/** Makes a new sparse file; what is at the path already is an `EEXIST`. */
export async function createLayerFile(path: string, sizeBytes: number): Promise<LayerFile> {
  const handle = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o644)
  try {
    await handle.truncate(sizeBytes)
    await handle.sync()
    return await wrap(handle)
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** Opens a layer file; undefined if there is none. Throws `SHOAL_STORE_FOREIGN_FILE` for anything but a regular file. */
export async function openLayerFile(path: string): Promise<LayerFile | undefined> {
  const inode = await fileInode(path)
  if (inode === undefined) return undefined
  return wrap(await open(path, constants.O_RDWR | constants.O_NOFOLLOW))
}

/** The inode of a regular file; undefined if there is none. Throws `SHOAL_STORE_FOREIGN_FILE` for anything else. */
export async function fileInode(path: string): Promise<string | undefined> {
  try {
    const status = await lstat(path, { bigint: true })
    if (!status.isFile()) throw storeError('SHOAL_STORE_FOREIGN_FILE', { path })
    return String(status.ino)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

async function wrap(handle: FileHandle): Promise<LayerFile> {
  const { ino, size } = await handle.stat({ bigint: true })
  return {
    inode: String(ino),
    sizeBytes: Number(size),
    read: async (position, length) => {
      const buffer = Buffer.allocUnsafeSlow(length)
      const { bytesRead } = await handle.read(buffer, 0, length, position)
      return bytesRead === length ? buffer : buffer.subarray(0, bytesRead)
    },
    write: async (position, data) => {
      for (let written = 0; written < data.length; ) {
        const rest = data.length - written
        written += (await handle.write(data, written, rest, position + written)).bytesWritten
      }
    },
    sync: () => handle.datasync(),
    truncate: async (sizeBytes) => {
      await handle.truncate(sizeBytes)
      await handle.sync()
    },
    close: () => handle.close(),
  }
}
