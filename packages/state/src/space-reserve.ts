import { readdir, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stateError } from './errors.ts'

const MIN_SPACE_BYTES = 64 * 1024
/** What LevelDB writes at once when it opens: a table for each of at most two logs, of 4 MiB (its `write_buffer_size`) each. */
const RESERVE_BYTES = 8 * 1024 ** 2
/** A smaller file system than this many reserves has better uses for it. */
const MIN_FREE_RESERVES = 32

/**
 * A file that is there to be deleted: on a disk that others filled it gives LevelDB the room to open. Without it a daemon whose machines have their disks
 * from it could not start, and could not empty its own cache either. LevelDB leaves files alone whose names are none of its own.
 */
export class SpaceReserve {
  readonly #directory: string
  readonly #path: string

  constructor(directory: string) {
    this.#directory = directory
    this.#path = join(directory, 'reserve')
  }

  /** Before LevelDB opens: gives the reserve up where that has no room without it. */
  async makeRoom(): Promise<void> {
    const { freeBytes, neededBytes } = await this.#look()
    if (freeBytes < neededBytes) await rm(this.#path, { force: true })
  }

  /** Opening replays LevelDB's logs into tables of about their size. Throws `SHOAL_STATE_NO_SPACE` if those have no room. */
  async checkRoom(): Promise<void> {
    const { freeBytes, neededBytes } = await this.#look()
    if (freeBytes < neededBytes) {
      throw stateError('SHOAL_STATE_NO_SPACE', { directory: this.#directory, freeBytes, neededBytes })
    }
  }

  /** Once LevelDB is open: makes it, if it is not there and there is plenty. It is worth no failure. */
  async renew(): Promise<void> {
    try {
      const { freeBytes } = await this.#look()
      if ((await sizeOf(this.#path)) === RESERVE_BYTES || freeBytes < MIN_FREE_RESERVES * RESERVE_BYTES) return
      await writeFile(this.#path, Buffer.alloc(RESERVE_BYTES))
    } catch {
      await rm(this.#path, { force: true }).catch(() => {})
    }
  }

  async #look(): Promise<{ freeBytes: number; neededBytes: number }> {
    let neededBytes = MIN_SPACE_BYTES
    for (const name of await readdir(this.#directory)) {
      if (name.endsWith('.log')) neededBytes += await sizeOf(join(this.#directory, name))
    }
    const { bavail, bsize } = await statfs(this.#directory)
    return { freeBytes: bavail * bsize, neededBytes }
  }
}

/** 0 of a file that is not there: LevelDB removes logs while it is looked at. */
async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0
}
