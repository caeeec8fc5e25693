import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { writeRandomRaw } from '../harness/test-images.ts'

const run = promisify(execFile)
const MIB = 1024 ** 2
const BASE_MIB = 16
const CHANGED_MIB = 6
/** More than what the seed reads before it makes that durable, twice: a break in the middle must not cost all of it. */
const RAW_MIB = 40

/** An image file, and the sum of the disk that it shows. */
export interface ChaosImage {
  readonly name: string
  readonly file: string
  readonly diskFormat: 'qcow2' | 'raw'
  readonly sha256: string
}

/**
 * Image number `n` of a run. The first is a base; of the others two in three are flat snapshots of it with other data at some place, which
 * the seed makes middles of, and every third is a raw disk of its own.
 */
export async function makeImage(directory: string, n: number): Promise<ChaosImage> {
  const file = join(directory, `image${n}`)
  if (n % 3 === 0 && n > 0) {
    const raw = `${file}.raw`
    await writeRandomRaw(raw, RAW_MIB * MIB, n + 1)
    return { name: `image${n}`, file: raw, diskFormat: 'raw', sha256: await sumOf(raw) }
  }
  const disk = `${file}.disk`
  await writeRandomRaw(disk, BASE_MIB * MIB, 1)
  if (n > 0) {
    const changes = `${file}.changes`
    await writeRandomRaw(changes, CHANGED_MIB * MIB, n + 1)
    await run('dd', [`if=${changes}`, `of=${disk}`, 'bs=1M', `seek=${n % 8}`, 'conv=notrunc', 'status=none'])
    await rm(changes)
  }
  const sha256 = await sumOf(disk)
  const qcow2 = `${file}.qcow2`
  await run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', disk, qcow2])
  await rm(disk)
  return { name: `image${n}`, file: qcow2, diskFormat: 'qcow2', sha256 }
}

async function sumOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
