import { randomBytes } from 'node:crypto'
import type { BigIntStats } from 'node:fs'
import { link, lstat, mkdir, open, readdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { errorCode, errorMessage } from '@shoal/core'
import { fileIdentity } from './disk-file.ts'
import { composeError } from './errors.ts'

const DIRECTORY_MODE = 0o750
/** No composition has such a name: theirs never begin with a dot. */
const TEMPORARY = /^\.shoal-compose-[0-9a-f]{16}$/

/** A file that was put into place, and what tells it from another that may have its name by now. */
export interface PlacedFile {
  readonly path: string
  readonly identity: string
}

/**
 * The directory with the composed disks. Others may put their files there too: those are neither replaced nor removed,
 * and links are never followed.
 */
export class DiskDirectory {
  readonly path: string
  /** What is just being written. */
  readonly #temporaries = new Set<string>()

  constructor(path: string) {
    this.path = path
  }

  /** Makes the directory if need be, and removes what an earlier run was writing. Throws `SHOAL_COMPOSE_DIRECTORY`. */
  async open(): Promise<void> {
    const { path } = this
    try {
      await mkdir(path, { recursive: true, mode: DIRECTORY_MODE })
      const left = (await readdir(path)).filter((name) => TEMPORARY.test(name))
      await this.discard(left.map((name) => join(path, name)))
    } catch (error) {
      throw composeError('SHOAL_COMPOSE_DIRECTORY', { path, reason: errorMessage(error) }, error)
    }
  }

  temporaryPath(): string {
    const path = join(this.path, `.shoal-compose-${randomBytes(8).toString('hex')}`)
    this.#temporaries.add(path)
    return path
  }

  /** What is just being written. */
  temporaries(): string[] {
    return [...this.#temporaries]
  }

  /** Throws `SHOAL_COMPOSE_NAME_TAKEN` when anything has the path. */
  async checkFree(path: string): Promise<void> {
    if ((await status(path)) !== undefined) throw composeError('SHOAL_COMPOSE_NAME_TAKEN', { path })
  }

  /**
   * Gives a temporary file its name, all at once and durably. A hard link, unlike a rename, replaces nothing: it throws
   * `SHOAL_COMPOSE_NAME_TAKEN`. The temporary name stays, to be removed.
   */
  async place(temporary: string, path: string): Promise<void> {
    try {
      await link(temporary, path)
    } catch (error) {
      if (errorCode(error) === 'EEXIST') throw composeError('SHOAL_COMPOSE_NAME_TAKEN', { path }, error)
      throw error
    }
    await syncDirectory(dirname(path))
  }

  /** Whether the file is where it was put, and still that one. */
  async has({ path, identity }: PlacedFile): Promise<boolean> {
    const found = await status(path)
    return found?.isFile() === true && fileIdentity(found) === identity
  }

  /** Removes a file that was put into place. What else may have its name is left alone. */
  async remove(file: PlacedFile): Promise<void> {
    if (!(await this.has(file))) return
    await rm(file.path, { force: true })
    await syncDirectory(dirname(file.path))
  }

  /** Removes temporary files. */
  async discard(paths: readonly string[]): Promise<void> {
    for (const path of paths) {
      if ((await status(path))?.isFile()) await rm(path, { force: true })
      this.#temporaries.delete(path)
    }
  }
}

async function status(path: string): Promise<BigIntStats | undefined> {
  try {
    return await lstat(path, { bigint: true })
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

async function syncDirectory(path: string): Promise<void> {
  await using handle = await open(path, 'r')
  await handle.sync()
}
