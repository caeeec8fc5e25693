import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type BootProfile,
  Chain,
  hotClusters,
  type Qcow2Format,
  Qcow2Image,
  type WrittenLayer,
  writeLayer,
} from '@shoal/qcow2'
import { fileAccess, fileSink } from '@shoal/qcow2/file-access'
import { touchedMiB } from './touched.ts'

const MIB = 1024 ** 2
const KIB = 1024
const RANDOM_READS = 2000
const RANDOM_BYTES = 64 * KIB
/** What somebody fetches at a time: our blocks, and the pieces of others. */
const UNITS_KIB = [256, 4096] as const

export interface FormatRow {
  readonly format: string
  readonly baseMiB: number
  readonly middleMiB: number
  /** To write base and middle. */
  readonly publishSeconds: number
  readonly publishCpuSeconds: number
  readonly sequentialMiBPerSecond: number
  /** A read of 64 KiB at random places of what the base stores. */
  readonly randomReadMs: number
  /** Bytes of the base that a boot touches, in units of 256 KiB and 4 MiB, as it was and in boot order. */
  readonly guestOrderMiB256: number
  readonly bootOrderMiB256: number
  readonly guestOrderMiB4096: number
  readonly bootOrderMiB4096: number
}

/** Writes base and middle in one format, twice the base: in guest order and in boot order; then reads them. */
export async function measureFormat(
  format: Qcow2Format,
  files: { base: string; flat: string; profile: BootProfile; directory: string },
): Promise<FormatRow> {
  const { base, flat, profile, directory } = files
  await using baseImage = await openImage(base)
  await using flatImage = await openImage(flat)
  const [disk, flatDisk] = [new Chain([baseImage.image]), new Chain([flatImage.image])]
  const hot = hotClusters(profile, 2 ** format.clusterBits)
  const paths = ['guest', 'boot', 'middle'].map((name) => join(directory, `${name}.qcow2`))
  const [guestOrder = '', bootOrder = '', middle = ''] = paths
  const [cpuBefore, begin] = [process.cpuUsage(), performance.now()]
  const written = await write(bootOrder, (sink) => writeLayer({ disk, hot }, sink, format))
  const madeMiddle = await write(middle, (sink) => writeLayer({ disk: flatDisk, base: disk }, sink, format))
  const publishSeconds = (performance.now() - begin) / 1000
  const { user, system } = process.cpuUsage(cpuBefore)
  await write(guestOrder, (sink) => writeLayer({ disk }, sink, format))
  try {
    await using guest = await openImage(guestOrder)
    await using boot = await openImage(bootOrder)
    const touched = async (image: Qcow2Image, unitKiB: number) => touchedMiB(image, profile, unitKiB * KIB)
    const [small, large] = UNITS_KIB
    return {
      format: `${format.compression}${format.compression === 'none' ? '' : `:${format.level}`}, ${2 ** format.clusterBits / KIB} KiB`,
      baseMiB: round(written.sizeBytes / MIB),
      middleMiB: round(madeMiddle.sizeBytes / MIB),
      publishSeconds: round(publishSeconds),
      publishCpuSeconds: round((user + system) / 1e6),
      ...(await readCosts(new Chain([guest.image]))),
      guestOrderMiB256: await touched(guest.image, small),
      bootOrderMiB256: await touched(boot.image, small),
      guestOrderMiB4096: await touched(guest.image, large),
      bootOrderMiB4096: await touched(boot.image, large),
    }
  } finally {
    await Promise.all(paths.map((path) => rm(path, { force: true })))
  }
}

async function readCosts(disk: Chain): Promise<Pick<FormatRow, 'sequentialMiBPerSecond' | 'randomReadMs'>> {
  const ranges: { start: number; length: number }[] = []
  for await (const range of disk.stored()) ranges.push(range)
  let bytes = 0
  const begin = performance.now()
  for (const { start, length } of ranges) {
    for (let at = start; at < start + length; at += MIB) {
      bytes += (await disk.read(at, Math.min(MIB, start + length - at))).length
    }
  }
  const sequentialMiBPerSecond = Math.round(bytes / MIB / ((performance.now() - begin) / 1000))
  const large = ranges.filter(({ length }) => length > RANDOM_BYTES)
  const randomBegin = performance.now()
  for (let read = 0; read < RANDOM_READS; read += 1) {
    const range = large[Math.floor(Math.random() * large.length)] ?? { start: 0, length: RANDOM_BYTES * 2 }
    await disk.read(range.start + Math.floor(Math.random() * (range.length - RANDOM_BYTES)), RANDOM_BYTES)
  }
  return { sequentialMiBPerSecond, randomReadMs: round((performance.now() - randomBegin) / RANDOM_READS) }
}

async function openImage(path: string): Promise<{ image: Qcow2Image } & AsyncDisposable> {
  const file = await open(path)
  const image = await Qcow2Image.open(fileAccess(file, (await file.stat()).size))
  return { image, [Symbol.asyncDispose]: () => file.close() }
}

async function write(
  path: string,
  make: (sink: ReturnType<typeof fileSink>) => Promise<WrittenLayer>,
): Promise<WrittenLayer> {
  await using file = await open(path, 'w')
  return await make(fileSink(file))
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
