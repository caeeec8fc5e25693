import { type FileHandle, open, stat } from 'node:fs/promises'
import { errorMessage } from '@shoal/core'
import type { RandomAccess } from '@shoal/qcow2'
import { fileAccess } from '@shoal/qcow2/file-access'
import { cliError } from '../errors.ts'

/** A disk image of this machine, open for reading. */
export class DiskFile implements RandomAccess, AsyncDisposable {
  readonly path: string
  readonly sizeBytes: number
  readonly #file: FileHandle
  readonly #access: RandomAccess
  /** What changes when somebody writes to it. */
  readonly #state: string

  private constructor(path: string, file: FileHandle, state: { size: bigint; mtimeNs: bigint }) {
    this.path = path
    this.#file = file
    this.sizeBytes = Number(state.size)
    this.#access = fileAccess(file, this.sizeBytes)
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

  read(...args: Parameters<RandomAccess['read']>): Promise<Buffer> {
    return this.#access.read(...args)
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
