import { createHash } from 'node:crypto'
import { chmod, lstat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { errorCode, errorMessage, ShoalError } from '@shoal/core'
import type { StateStore } from '@shoal/state'
import { DiskDirectory, type PlacedFile } from '../compose/disk-directory.ts'
import { writeEmptyImage } from '../compose/write-overlay.ts'
import { bootError } from './errors.ts'

/** An overlay that was made here, and what it is above. */
interface OverlayRecord extends PlacedFile {
  readonly origin: string
}

export interface OverlayWish {
  readonly path: string
  /** What it is above, in words that tell one disk from another. */
  readonly origin: string
}

const PREFIX = 'peer/boot-overlay/'
/** QEMU's user, which is in the peer's group, writes to it. */
const OVERLAY_MODE = 0o660

/**
 * The writable tops of boots. They hold what machines wrote: none is replaced or removed, and one that was made here is
 * not used above another disk.
 */
export class BootOverlays {
  readonly #state: StateStore
  readonly #directory: DiskDirectory
  readonly #records = new Map<string, OverlayRecord>()

  /** `directory`: of those for which no path is named. */
  constructor(deps: { state: StateStore }, { directory }: { directory: string }) {
    this.#state = deps.state
    this.#directory = new DiskDirectory(directory)
  }

  /** Reads what earlier runs made, and forgets what is gone since. Throws `SHOAL_BOOT_DIRECTORY`. */
  async open(): Promise<void> {
    const { path } = this.#directory
    await this.#directory.open().catch((error: unknown) => {
      throw bootError('SHOAL_BOOT_DIRECTORY', { path, reason: errorMessage(error) }, error)
    })
    for await (const { key, value } of this.#state.range<OverlayRecord>({ prefix: PREFIX })) {
      if (await this.#directory.has(value)) this.#records.set(value.path, value)
      else await this.#state.delete(key)
    }
  }

  /** Where an overlay is made when no path is named. */
  pathOf(name: string): string {
    return join(this.#directory.path, `${name}.qcow2`)
  }

  /** Every overlay that was made here. */
  files(): string[] {
    return [...this.#records.keys()]
  }

  /**
   * Whether one is there. Throws `SHOAL_BOOT_OVERLAY_TAKEN` and `SHOAL_BOOT_OVERLAY_OTHER` for one that will not do.
   */
  async check({ path, origin }: OverlayWish): Promise<boolean> {
    const refuse = (reason: string) => bootError('SHOAL_BOOT_OVERLAY_TAKEN', { path, reason })
    const found = await lstat(path).catch((error: unknown) => {
      if (errorCode(error) === 'ENOENT') return undefined
      throw refuse(errorMessage(error))
    })
    if (found === undefined) return false
    if (found.isDirectory()) throw refuse('it is a directory')
    const record = this.#records.get(path)
    if (record === undefined || !(await this.#directory.has(record))) {
      // Where it was named by the caller, it is the caller's.
      if (dirname(path) === this.#directory.path) throw refuse('a file that was not made for a boot has its name')
      return true
    }
    if (record.origin !== origin) throw bootError('SHOAL_BOOT_OVERLAY_OTHER', { path, origin: record.origin })
    return true
  }

  /**
   * Makes one that is empty, unless it is there; `uri` is what its header names as the disk below. A crash leaves
   * either none or a whole one. Throws as {@link check}, and `SHOAL_BOOT_OVERLAY_IO`.
   */
  async make(wish: OverlayWish, { uri, virtualSizeBytes }: { uri: string; virtualSizeBytes: number }): Promise<void> {
    if (await this.check(wish)) return
    const { path, origin } = wish
    const isOurs = dirname(path) === this.#directory.path
    const directory = isOurs ? this.#directory : new DiskDirectory(dirname(path))
    const temporary = directory.temporaryPath()
    try {
      const backing = { path: uri, format: 'raw' } as const
      const identity = await writeEmptyImage(temporary, { virtualSizeBytes, backing })
      await chmod(temporary, OVERLAY_MODE)
      const record = { path, identity, origin }
      await this.#state.put(PREFIX + createHash('sha256').update(path).digest('hex'), record)
      this.#records.set(path, record)
      await directory.place(temporary, path)
    } catch (error) {
      this.#records.delete(path)
      if (error instanceof ShoalError && error.code !== 'SHOAL_COMPOSE_NAME_TAKEN') throw error
      throw bootError('SHOAL_BOOT_OVERLAY_IO', { path, reason: errorMessage(error) }, error)
    } finally {
      await directory.discard([temporary])
    }
  }
}
