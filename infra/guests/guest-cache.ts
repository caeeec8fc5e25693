import { createHash, randomUUID } from 'node:crypto'
import { access, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'

const BUILDING = /^\.building-(\d+)-/

export function defaultGuestCache(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'shoal/guests')
}

/** A key of what a build depends on: the contents of its scripts and its parameters. */
export function guestKey(...parts: readonly (string | Buffer)[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(`${part.length}:`).update(part)
  return hash.digest('hex').slice(0, 12)
}

/** Directories that were built once, by name and key. One appears under its name only when it is complete. */
export class GuestCache {
  readonly directory: string

  constructor(directory: string) {
    this.directory = directory
  }

  async find(name: string, key: string): Promise<string | undefined> {
    const path = this.#path(name, key)
    return (await exists(path)) ? path : undefined
  }

  /** The directory of this name and key; when it is not there, `build` fills it. Two who build the same are not in each other's way. */
  async ensure(name: string, key: string, build: (directory: string) => Promise<void>): Promise<string> {
    const path = this.#path(name, key)
    if (await exists(path)) return path
    await mkdir(this.directory, { recursive: true })
    await this.#removeAbandoned()
    const building = join(this.directory, `.building-${process.pid}-${randomUUID()}`)
    await mkdir(building)
    try {
      await build(building)
      await rename(building, path).catch(async (error: unknown) => {
        if (!(await exists(path))) throw error
      })
    } finally {
      await rm(building, { recursive: true, force: true })
    }
    return path
  }

  /** Names of all that is there, with their keys. */
  async entries(): Promise<string[]> {
    const names = await readdir(this.directory).catch(() => [])
    return names.filter((name) => /-[0-9a-f]{12}$/.test(name) && !name.startsWith('.')).sort()
  }

  #path(name: string, key: string): string {
    return join(this.directory, `${name}-${key}`)
  }

  /** What builds left behind whose process is gone. */
  async #removeAbandoned(): Promise<void> {
    for (const name of await readdir(this.directory)) {
      const pid = BUILDING.exec(name)?.[1]
      if (pid === undefined || isAlive(Number(pid))) continue
      await rm(join(this.directory, name), { recursive: true, force: true })
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as { code?: unknown }).code === 'EPERM'
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
