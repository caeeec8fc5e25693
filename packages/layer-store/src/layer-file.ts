import { constants, readSync } from 'node:fs'
import { type FileHandle, lstat, open } from 'node:fs/promises'
import { type BlockBuffer, errorCode } from '@shoal/core'
import type { BlockThread } from './block-thread.ts'
import { storeError } from './errors.ts'
import { PageCacheGuess } from './page-cache-guess.ts'
import { type ByteRange, punchHoles } from './punch-holes.ts'

/** A longer read is worth a thread. */
const MAX_SYNC_BYTES = 1024 * 1024

/** The open file of one layer. */
export interface LayerFile {
  /** Inode number, decimal. */
  readonly inode: string
  readonly sizeBytes: number
  /**
   * One pread, into a buffer of its own; shorter than `length` where the file ends. With `into` it goes into the beginning of that, and is done at
   * once where the page cache is likely to have it: somebody waits for it.
   */
  read(position: number, length: number, into?: Buffer): Promise<Buffer>
  /** One preadv into the payloads of consecutive blocks; gives how many bytes there were. */
  readBlocks(position: number, payloads: readonly Buffer[]): Promise<number>
  /** The same for one block that the page cache has: without the cost of a thread, as no disk is waited for. */
  readCachedBlock(position: number, payload: Buffer): number
  /** Writes the payload if it has this SHA-256; false if it has not. */
  writeBlock(position: number, buffer: BlockBuffer, block: { length: number; hash: Uint8Array }): Promise<boolean>
  /** Data, and the metadata needed to find it, reach the disk. */
  sync(): Promise<void>
  /** Frees the space of all bytes from there on, which are zeros then; the file is so long afterwards, whatever it was. Durable. */
  freeFrom(position: number, sizeBytes: number): Promise<void>
  /**
   * Frees the space of parts of the file, which are zeros then; not durable. Waits until an earlier run of the service, which was killed,
   * does so no more. Throws `SHOAL_STORE_NO_HOLES`.
   */
  punch(holes: readonly ByteRange[]): Promise<void>
  /** Waits for calls under way. */
  close(): Promise<void>
}

/** What {@link LayerFile} says of the file at a path. */
export interface LayerFileStatus {
  readonly inode: string
  readonly sizeBytes: number
}

/** Makes a new sparse file; what is at the path already is an `EEXIST`. */
export async function createLayerFile(path: string, sizeBytes: number, thread: BlockThread): Promise<LayerFile> {
  const handle = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o644)
  try {
    await handle.truncate(sizeBytes)
    await handle.sync()
    return await wrap(handle, path, thread)
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** Opens a layer file; undefined if there is none. Throws `SHOAL_STORE_FOREIGN_FILE` for anything but a regular file. */
export async function openLayerFile(path: string, thread: BlockThread): Promise<LayerFile | undefined> {
  if ((await layerFileStatus(path)) === undefined) return undefined
  return wrap(await open(path, constants.O_RDWR | constants.O_NOFOLLOW), path, thread)
}

/** The status of a regular file; undefined if there is none. Throws `SHOAL_STORE_FOREIGN_FILE` for anything else. */
export async function layerFileStatus(path: string): Promise<LayerFileStatus | undefined> {
  try {
    const status = await lstat(path, { bigint: true })
    if (!status.isFile()) throw storeError('SHOAL_STORE_FOREIGN_FILE', { path })
    return { inode: String(status.ino), sizeBytes: Number(status.size) }
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

async function wrap(handle: FileHandle, path: string, thread: BlockThread): Promise<LayerFile> {
  const { ino, size } = await handle.stat({ bigint: true })
  // The handle waits for its own calls; the thread only has the number, which another file may get after the close.
  let writes = 0
  const guess = new PageCacheGuess()
  let onIdle = () => {}
  return {
    inode: String(ino),
    sizeBytes: Number(size),
    read: async (position, length, into) => {
      if (into !== undefined && length <= MAX_SYNC_BYTES && guess.next()) {
        const begin = performance.now()
        const bytesRead = readSync(handle.fd, into, 0, length, position)
        guess.took(performance.now() - begin)
        return into.subarray(0, bytesRead)
      }
      const buffer = into?.subarray(0, length) ?? Buffer.allocUnsafeSlow(length)
      const { bytesRead } = await handle.read(buffer, 0, length, position)
      return bytesRead === length ? buffer : buffer.subarray(0, bytesRead)
    },
    readBlocks: async (position, payloads) => (await handle.readv(payloads, position)).bytesRead,
    readCachedBlock: (position, payload) => readSync(handle.fd, payload, 0, payload.length, position),
    writeBlock: async (position, buffer, { length, hash }) => {
      writes += 1
      try {
        return await thread.write({ fd: handle.fd, position, buffer, length, hash })
      } finally {
        writes -= 1
        if (writes === 0) onIdle()
      }
    },
    sync: () => handle.datasync(),
    freeFrom: async (position, sizeBytes) => {
      await handle.truncate(position)
      await handle.truncate(sizeBytes)
      await handle.sync()
    },
    punch: (holes) => punchHoles({ fd: handle.fd, path }, holes),
    close: async () => {
      if (writes > 0) {
        await new Promise<void>((resolve) => {
          onIdle = resolve
        })
      }
      await handle.close()
    },
  }
}
