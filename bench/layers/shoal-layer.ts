/**
 * One job of ours as a program: `shoal-layer.ts middle BASE FLAT OUTPUT`, `shoal-layer.ts compose-raw|compose-qcow2 BASE MIDDLE OUTPUT`, all
 * images qcow2. Prints what it took as JSON.
 */
import { open } from 'node:fs/promises'
import {
  Chain,
  composeRaw,
  findFreeSpace,
  firstDifference,
  type GuestRange,
  LAYER_FORMAT,
  writeLayer,
} from '@shoal/qcow2'
import { fileSink } from '@shoal/qcow2/file-access'
import { openImage } from '../qcow2-read/open-image.ts'

const KIB_PER_MIB = 1024
const FLAT_FORMAT = { clusterBits: 16, compression: 'none', level: 0 } as const

type Job = (base: string, image: string, output: string) => Promise<void>

const jobs: Readonly<Record<string, Job>> = {
  /** As the seed does it when asked to drop free space: what the file system does not use is left out, and the chain is compared with the disk before it counts. */
  async middle(base, flat, output) {
    const [below, disk] = [await openChain(base), await openChain(flat)]
    const unneeded: GuestRange[] = []
    for await (const range of (await findFreeSpace(disk)).ranges()) unneeded.push(range)
    await using file = await open(output, 'wx')
    await writeLayer({ disk, base: below, unneeded }, fileSink(file), LAYER_FORMAT)
    const at = await firstDifference(disk, await openChain(output, base), { except: unneeded })
    if (at !== undefined) throw new Error(`base and middle show another disk from byte ${at} on`)
  },
  async 'compose-raw'(base, middle, output) {
    const chain = await openChain(middle, base)
    await using file = await open(output, 'wx')
    await file.truncate(chain.virtualSizeBytes)
    await composeRaw(chain, fileSink(file))
  },
  async 'compose-qcow2'(base, middle, output) {
    await using file = await open(output, 'wx')
    await writeLayer({ disk: await openChain(middle, base) }, fileSink(file), FLAT_FORMAT)
  },
}

/** The topmost first. */
async function openChain(top: string, ...below: readonly string[]): Promise<Chain> {
  return new Chain([await openImage(top), ...(await Promise.all(below.map(openImage)))])
}

const [name = '', base = '', image = '', output = ''] = process.argv.slice(2)
const job = jobs[name]
if (job === undefined || output === '') throw new TypeError(`there is no job ${name}`)
const [cpuBefore, begin] = [process.cpuUsage(), performance.now()]
await job(base, image, output)
const { user, system } = process.cpuUsage(cpuBefore)
const cost = {
  wallSeconds: (performance.now() - begin) / 1000,
  cpuSeconds: (user + system) / 1e6,
  peakRssMiB: Math.round(process.resourceUsage().maxRSS / KIB_PER_MIB),
}
console.log(JSON.stringify(cost))
