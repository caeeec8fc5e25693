import { constants, type FileHandle, mkdir, open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorCode, errorMessage } from '@shoal/core'
import { seedError } from '../errors.ts'

/**
 * The file that an image is read into. It lies on the file system of the layer store, so that publishing it is a
 * rename. Throws `SHOAL_IMPORT_NO_SPACE` or `SHOAL_IMPORT_IO`.
 */
export class StagingFile implements AsyncDisposable {
  readonly path: string
  readonly #image: string
  readonly #file: FileHandle

  private constructor(image: string, path: string, file: FileHandle) {
    this.#image = image
    this.path = path
    this.#file = file
  }

  /** Opens the file, makes it when it is not there, and cuts it to its first `keepBytes` bytes; 0 if it has fewer. */
  static async open(image: string, path: string, { keepBytes }: { keepBytes: number }) {
    try {
      await mkdir(dirname(path), { recursive: true })
      // A staging path is ours alone; a link in its place would make us write elsewhere.
      const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW
      const file = await open(path, flags, 0o640)
      const { size } = await file.stat()
      const keptBytes = size >= keepBytes ? keepBytes : 0
      if (size !== keptBytes) await file.truncate(keptBytes)
      // The journal must not outlive the name of the file that it speaks of.
      await syncDirectory(dirname(path))
      return { staging: new StagingFile(image, path, file), keptBytes }
    } catch (error) {
      throw storageError(image, path, error)
    }
  }

  async write(data: Uint8Array, offset: number): Promise<void> {
    try {
      for (let done = 0; done < data.length; ) {
        const { bytesWritten } = await this.#file.write(data, done, data.length - done, offset + done)
        done += bytesWritten
      }
    } catch (error) {
      throw storageError(this.#image, this.path, error)
    }
  }

  /** Fills the buffer as far as the file goes; returns how many bytes that are. */
  async readInto(buffer: Uint8Array, offset: number): Promise<number> {
    let done = 0
    try {
      while (done < buffer.length) {
        const { bytesRead } = await this.#file.read(buffer, done, buffer.length - done, offset + done)
        if (bytesRead === 0) break
        done += bytesRead
      }
    } catch (error) {
      throw storageError(this.#image, this.path, error)
    }
    return done
  }

  /** Reads `length` bytes, fewer only where the file ends. */
  async readAt(offset: number, length: number): Promise<Buffer> {
    const buffer = Buffer.alloc(length)
    return buffer.subarray(0, await this.readInto(buffer, offset))
  }

  /** Resolves when everything written is durable. */
  async sync(): Promise<void> {
    try {
      await this.#file.datasync()
    } catch (error) {
      throw storageError(this.#image, this.path, error)
    }
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close()
  }
}

async function syncDirectory(directory: string): Promise<void> {
  await using handle = await open(directory, 'r')
  await handle.sync()
}

function storageError(image: string, path: string, cause: unknown) {
  const directory = dirname(path)
  const code = errorCode(cause)
  if (code === 'ENOSPC' || code === 'EDQUOT') return seedError('SHOAL_IMPORT_NO_SPACE', { image, directory }, cause)
  return seedError('SHOAL_IMPORT_IO', { image, directory, reason: errorMessage(cause) }, cause)
}
