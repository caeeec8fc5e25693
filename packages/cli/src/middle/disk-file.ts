import { type FileHandle, open, stat } from 'node:fs/promises'
import { errorMessage } from '@shoal/core'
import type { RandomAccess } from '@shoal/qcow2'
import { cliError } from '../errors.ts'

/** A disk image of this machine, open for reading. */
export class DiskFile implements RandomAccess, AsyncDisposable {
  readonly path: string
  readonly sizeBytes: number
  readonly #file: FileHandle
  /** What changes when somebody writes to it. */
  readonly #state: string

  private constructor(path: string, file: FileHandle, state: { size: bigint; mtimeNs: bigint }) {
    this.path = path
    this.#file = file
    this.sizeBytes = Number(state.size)
    this.#state = `${state.size} ${state.mtimeNs}`
  }

  /** Throws `SHOAL_CLI_DISK_FILE`. */
  static async open(path: string): Promise<DiskFile> {
    try {
      // Opening a pipe would wait for its writer.
      if (!(await stat(path)).isFile()) throw new Error('it is not a regular file')
      const file = await open(path)
      return new DiskFile(path, file, await file.stat({ bigint: true }))
    } catch (error) {
      throw cliError('SHOAL_CLI_DISK_FILE', { path, reason: errorMessage(error) }, error)
    }
  }

  async read(offset: number, length: number, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<Buffer> {
    signal?.throwIfAborted()
    const wanted = Math.max(0, Math.min(length, this.sizeBytes - offset))
    const buffer = Buffer.allocUnsafe(wanted)
    let done = 0
    while (done < wanted) {
      const { bytesRead } = await this.#file.read(buffer, done, wanted - done, offset + done)
      if (bytesRead === 0) break
      done += bytesRead
    }
    return buffer.subarray(0, done)
  }

  /** Throws `SHOAL_CLI_DISK_FILE` when somebody has written to it since it was opened, such as a VM that runs on it. */
  async checkUnchanged(): Promise<void> {
    const { size, mtimeNs } = await this.#file.stat({ bigint: true })
    if (`${size} ${mtimeNs}` === this.#state) return
    throw cliError('SHOAL_CLI_DISK_FILE', { path: this.path, reason: 'it changed while it was read' })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close()
  }
}
