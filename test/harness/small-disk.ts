import { execFile } from 'node:child_process'
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Undo } from './undo.ts'

const run = promisify(execFile)
const MIB = 1024 ** 2

/** Mounts a file system of that size, until the test ends. Gives its path. Needs root. */
export async function mountSmallDisk(undo: Undo, sizeMib: number): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-small-disk-'))
  const image = `${directory}.img`
  await writeFile(image, '')
  await truncate(image, sizeMib * MIB)
  await run('mkfs.ext4', ['-q', '-m', '0', image])
  await run('mount', ['-o', 'loop', image, directory])
  undo.after(async () => {
    await run('umount', ['-l', directory])
    await rm(directory, { recursive: true, force: true })
    await rm(image, { force: true })
  })
  return directory
}
