import { constants } from 'node:fs'
import { copyFile, rm, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorCode } from '@shoal/core'
import {
  Chain,
  composeOver,
  composeRaw,
  type DiskImage,
  findForeignHead,
  findForeignTail,
  TAIL_BYTES,
  writeLayer,
} from '@shoal/qcow2'
import type { ComposedFile, ComposeJob } from './compose-job.ts'
import { createDiskFile, openDiskFile } from './disk-file.ts'
import { composeError } from './errors.ts'
import { openLayer, wholeSectors } from './open-layer.ts'

const CLUSTER_BITS = 16
/** On each library's own scale: the speed of a disk, not the last percent. */
const LEVELS = { none: 0, zlib: 3, zstd: 3 } as const
/** As far as formats have their marks. */
const HEAD_BYTES = 64 * 1024

interface Options {
  /** Guest bytes that were gone through. */
  readonly onProgress: (doneBytes: number) => void
  /** Called with the most bytes that the file will take before anything is written. */
  readonly reserve: (bytes: number) => Promise<void>
}

/**
 * Writes one flat disk from the files of a chain, byte-identical for its guest, with holes where nothing is stored, and
 * syncs it. Throws `SHOAL_COMPOSE_*`, the codes of `qcow2` for a bad image, and system errors.
 */
export async function writeDisk(job: ComposeJob, options: Options): Promise<ComposedFile> {
  await using stack = new AsyncDisposableStack()
  const images: DiskImage[] = []
  for (const layer of job.layers) images.push(stack.use(await openLayer(layer)).image)
  const [top, ...below] = images
  if (top === undefined) throw new TypeError('a disk of no layer')
  const chain = new Chain([top, ...below])
  const expectedBytes = wholeSectors(job.virtualSizeBytes)
  if (chain.virtualSizeBytes !== expectedBytes) {
    const reason = `its disk has ${chain.virtualSizeBytes} bytes, not ${expectedBytes}`
    throw composeError('SHOAL_COMPOSE_LAYER_INVALID', { path: job.layers[0]?.path, reason })
  }
  return await (job.format === 'raw' ? writeRaw(job, chain, options) : writeQcow2(job, chain, options))
}

async function writeRaw(job: ComposeJob, chain: Chain, options: Options): Promise<ComposedFile> {
  await refuseDisguise(chain)
  const base = job.layers.at(-1)
  const isCloned = base?.format === 'raw' && (await clone(base.path, job.path))
  await makeRoom(job.path, await storedBytes(chain, { above: isCloned ? 1 : 0 }), options)
  await using file = await (isCloned ? openDiskFile(job.path) : createDiskFile(job.path))
  await file.truncate(chain.virtualSizeBytes)
  const writtenBytes = await (isCloned ? composeOver : composeRaw)(chain, file, options)
  return { identity: await file.finish(), writtenBytes }
}

async function writeQcow2(job: ComposeJob, chain: Chain, options: Options): Promise<ComposedFile> {
  const { compression, layers } = job
  const neededBytes = await storedBytes(chain, { above: 0 })
  // Compressed, it is about as large as what it is made from; that is known only when it is there.
  const packedBytes = layers.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  await makeRoom(job.path, compression === 'none' ? neededBytes : Math.min(neededBytes, packedBytes), options)
  await using file = await createDiskFile(job.path)
  const format = { clusterBits: CLUSTER_BITS, compression, level: LEVELS[compression] }
  const { sizeBytes } = await writeLayer({ disk: chain }, file, { ...format, ...options })
  return { identity: await file.finish(), writtenBytes: sizeBytes }
}

/**
 * A guest decides what its disk begins and ends with. As qcow2 that is harmless; a raw disk may meet somebody who
 * guesses formats.
 */
async function refuseDisguise(chain: Chain): Promise<void> {
  const head = await chain.read(0, HEAD_BYTES)
  const tail = await chain.read(Math.max(0, chain.virtualSizeBytes - TAIL_BYTES), TAIL_BYTES)
  const format = findForeignHead(head) ?? findForeignTail(tail)
  if (format !== undefined) throw composeError('SHOAL_COMPOSE_DISGUISED', { format })
}

/** Whether the file system made a clone: a file that shares its data with another until one of them is written to. */
async function clone(from: string, to: string): Promise<boolean> {
  try {
    await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE)
    return true
  } catch (error) {
    if (errorCode(error) === 'EEXIST') throw error
    // Most cannot, or not between two of them: then the bytes are copied.
    await rm(to, { force: true })
    return false
  }
}

/** What the images of a chain store for its disk, without those of its lowest ones that are left out. */
async function storedBytes(chain: Chain, { above }: { above: number }): Promise<number> {
  let bytes = 0
  for await (const { kind, depth, length } of chain.map()) {
    if ((kind === 'data' || kind === 'compressed') && depth < chain.images.length - above) bytes += length
  }
  return bytes
}

async function makeRoom(path: string, neededBytes: number, { reserve }: Options): Promise<void> {
  await reserve(neededBytes)
  const directory = dirname(path)
  const { bavail, bsize } = await statfs(directory)
  const freeBytes = bavail * bsize
  if (neededBytes <= freeBytes) return
  const reason = `it needs ${neededBytes} bytes, and ${freeBytes} are free`
  throw composeError('SHOAL_COMPOSE_NO_SPACE', { path: directory, neededBytes, freeBytes, reason })
}
