import { createHash, randomBytes } from 'node:crypto'
import type { BigIntStats } from 'node:fs'
import { access, constants, link, lstat, open, readdir, rm, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode, errorMessage } from '@shoal/core'
import { fileIdentity } from '../compose/disk-file.ts'
import { novaCacheError } from './errors.ts'
import { type FileOwner, handOver, type NovaLock, tryNovaLock } from './nova-lock.ts'

/** What Nova writes beside a base file while it downloads one. */
const UNFINISHED = ['.part', '.converted'] as const

export interface BaseDirectoryOptions {
  /** Of nova.conf. */
  readonly instancesPath: string
  /** `[image_cache] subdirectory_name` of nova.conf. */
  readonly subdirectory: string
  readonly mode: number
  readonly owner: FileOwner
  /** Name of this node: others may use the same directory. */
  readonly node: string
}

/** What Nova calls the base file of an image (`get_cache_fname` in its libvirt driver). */
export function baseName(image: string): string {
  return createHash('sha1').update(image, 'utf8').digest('hex')
}

/** A file among Nova's base files. */
export interface BaseFile {
  readonly identity: string
  readonly mtimeMs: number
  readonly allocatedBytes: number
}

/** Nova's base files and its locks on them. What is there is never replaced, and links are not followed. */
export class BaseDirectory {
  readonly path: string
  readonly instancesPath: string
  readonly #locks: string
  readonly #options: BaseDirectoryOptions
  /** Begins the names of what this node writes there; Nova looks at names of another form and length. */
  readonly #prefix: string
  readonly #temporaries = new Set<string>()

  constructor(options: BaseDirectoryOptions) {
    const { instancesPath, subdirectory, node } = options
    this.#options = options
    this.instancesPath = instancesPath
    this.path = join(instancesPath, subdirectory)
    this.#locks = join(instancesPath, 'locks')
    this.#prefix = `.shoal-base-${createHash('sha256').update(node).digest('hex').slice(0, 8)}-`
  }

  /** Throws `SHOAL_NOVA_DIRECTORY` unless base files and locks can be made. Nova, which owns them, makes the directories. */
  async check(): Promise<void> {
    for (const path of [this.path, this.#locks]) {
      await access(path, constants.R_OK | constants.W_OK | constants.X_OK).catch((error: unknown) => {
        throw novaCacheError('SHOAL_NOVA_DIRECTORY', { path, reason: errorMessage(error) }, error)
      })
    }
  }

  /** Removes what an earlier run of this node was writing. */
  async discardLeft(): Promise<void> {
    const names = await readdir(this.path).catch(() => [])
    const left = names.filter((name) => name.startsWith(this.#prefix)).map((name) => join(this.path, name))
    for (const path of left) if (!this.#temporaries.has(path)) await rm(path, { force: true })
  }

  pathOf(name: string): string {
    return join(this.path, name)
  }

  temporaryPath(): string {
    const path = join(this.path, this.#prefix + randomBytes(4).toString('hex'))
    this.#temporaries.add(path)
    return path
  }

  /** What is just being written. */
  temporaries(): string[] {
    return [...this.#temporaries]
  }

  async discard(temporary: string): Promise<void> {
    await rm(temporary, { force: true })
    this.#temporaries.delete(temporary)
  }

  /** What has a base file's name; `undefined` when nothing has. */
  async find(name: string): Promise<BaseFile | undefined> {
    const found = await status(this.pathOf(name))
    if (found === undefined) return undefined
    const { blocks, mtimeMs } = found
    return { identity: fileIdentity(found), mtimeMs: Number(mtimeMs), allocatedBytes: Number(blocks) * 512 }
  }

  /** Whether Nova is making a base file just now, and wrote to it after that time. */
  async isBeingMade(name: string, sinceMs: number): Promise<boolean> {
    const found = await Promise.all(UNFINISHED.map((suffix) => status(this.pathOf(name + suffix))))
    return found.some((file) => file !== undefined && Number(file.mtimeMs) > sinceMs)
  }

  /** Nova's lock on a base file; `undefined` while somebody has it. Throws `SHOAL_NOVA_*`. */
  lock(name: string): Promise<NovaLock | undefined> {
    return tryNovaLock(join(this.#locks, `nova-${name}`), this.#options.owner)
  }

  /** Makes a temporary file as Nova's own are: mode and owner. */
  handOver(temporary: string): Promise<void> {
    return handOver(temporary, this.#options.mode, this.#options.owner)
  }

  /** Gives a temporary file its name, durably and all at once; false when something has that name. */
  async place(temporary: string, name: string): Promise<boolean> {
    try {
      await link(temporary, this.pathOf(name))
    } catch (error) {
      if (errorCode(error) === 'EEXIST') return false
      throw error
    }
    await this.#sync()
    return true
  }

  /** Says that a file is wanted: Nova removes what is old. False when this process may not. */
  async touch(name: string, nowMs: number): Promise<boolean> {
    try {
      await utimes(this.pathOf(name), nowMs / 1000, nowMs / 1000)
      return true
    } catch (error) {
      if (['EPERM', 'EACCES', 'EROFS', 'ENOENT'].includes(errorCode(error) ?? '')) return false
      throw error
    }
  }

  /** Removes a file if it is still that one. */
  async remove(name: string, identity: string): Promise<void> {
    if ((await this.find(name))?.identity !== identity) return
    await rm(this.pathOf(name), { force: true })
    await this.#sync()
  }

  async #sync(): Promise<void> {
    await using handle = await open(this.path, 'r')
    await handle.sync()
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
