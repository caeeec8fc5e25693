import { execFile } from 'node:child_process'
import { readdir, readFile, rm, statfs, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { errorCode } from '@shoal/core'
import type { Undo } from '../harness/undo.ts'
import { until } from '../harness/until.ts'

const run = promisify(execFile)
const MIB = 1024 ** 2
const FILLER = 'filler'
/** Written and not synced before power is lost: what becomes of it shows that unsynced writes are. */
const CANARY = 'canary'
const CANARY_TEXT = 'here\n'.repeat(20_000)
/** What stays free of a disk that is full. */
const LEFT_BYTES = 256 * 1024

/** A machine's disk: an XFS file system of its own, mounted where the service keeps its state. Needs root. */
export class NodeDisk {
  readonly #image: string
  readonly #directory: string

  private constructor(image: string, directory: string) {
    this.#image = image
    this.#directory = directory
  }

  static async mount(undo: Undo, directory: string, sizeMib: number): Promise<NodeDisk> {
    const image = `${directory}.img`
    await writeFile(image, '')
    await truncate(image, sizeMib * MIB)
    await run('mkfs.xfs', ['-q', image])
    const disk = new NodeDisk(image, directory)
    undo.after(async () => {
      await run('umount', ['-l', directory])
      await rm(image, { force: true })
    })
    await disk.#mount()
    return disk
  }

  /**
   * Lets file systems be mounted below a directory so that all network namespaces see them come and go: each has mounts of its own, and one
   * that any of them keeps cannot be mounted anew.
   */
  static async share(undo: Undo, directory: string): Promise<void> {
    await run('mount', ['--bind', directory, directory])
    await run('mount', ['--make-shared', directory])
    undo.after(() => run('umount', ['-l', directory]))
  }

  /**
   * What a machine without power leaves on its disk: the file system is stopped without writing its log or anything else that is only in
   * memory (XFS_IOC_GOINGDOWN with NOLOGFLUSH), and mounted again, which replays the log. Whatever was not synced is gone. No process may
   * have a file of it open. Whether something that was written a moment before is really gone.
   */
  async losePower(): Promise<boolean> {
    const canary = join(this.#directory, CANARY)
    await writeFile(canary, CANARY_TEXT).catch(() => {})
    await run('xfs_io', ['-x', '-c', 'shutdown', this.#directory])
    await until(`${this.#directory} can be unmounted`, async () => {
      await run('umount', [this.#directory])
      return true
    })
    await this.#mount()
    const left = await readFile(canary, 'utf8').catch(() => '')
    await rm(canary, { force: true })
    return left !== CANARY_TEXT
  }

  /** As a new one, of the same size. No process may have a file of it open. */
  async wipe(): Promise<void> {
    for (const name of await readdir(this.#directory)) {
      await rm(join(this.#directory, name), { recursive: true, force: true })
    }
  }

  /** Whether nothing more can be written. */
  async isFull(): Promise<boolean> {
    const probe = join(this.#directory, CANARY)
    try {
      await writeFile(probe, Buffer.alloc(2 * LEFT_BYTES, 1), { flush: true })
      return false
    } catch (error) {
      return errorCode(error) === 'ENOSPC'
    } finally {
      await rm(probe, { force: true })
    }
  }

  /** Takes what is free. Somebody may write meanwhile: then it is less. */
  async fill(): Promise<void> {
    const path = join(this.#directory, FILLER)
    await until(`${this.#directory} is filled`, async () => {
      const { bavail, bsize } = await statfs(this.#directory)
      await run('fallocate', ['-l', String(Math.max(1, bavail * bsize - LEFT_BYTES)), path]).catch(async (error) => {
        await rm(path, { force: true })
        throw error
      })
      return true
    })
  }

  async free(): Promise<void> {
    await rm(join(this.#directory, FILLER), { force: true })
    // Or it is there again after the next loss of power.
    await run('sync', ['-f', this.#directory])
  }

  /**
   * On a loop device of its own each time: the one before is there as long as any mount namespace of this machine has a copy of the mount, and what
   * was shut down stays so.
   */
  async #mount(): Promise<void> {
    const { stdout } = await run('losetup', ['--find', '--show', this.#image])
    const device = stdout.trim()
    try {
      await run('mount', ['-o', 'nouuid', device, this.#directory])
    } finally {
      // It goes when it is unmounted.
      await run('losetup', ['--detach', device])
    }
  }
}
