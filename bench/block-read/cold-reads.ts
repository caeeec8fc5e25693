import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Boot } from '@shoal/api'
import { until } from '../../test/harness/until.ts'
import { machineCpuSeconds } from '../engines/process-usage.ts'
import { readLinkCounts } from '../swarm/link-counters.ts'
import type { ColdLab } from './cold-lab.ts'
import { AbsentPlaces } from './cold-places.ts'
import { NbdReader } from './nbd-reader.ts'

/** What a cold read is measured beside: nothing, or a download at full speed. */
export type ColdLoad = 'idle' | 'download'

export interface ColdSize {
  /** Reads beside nothing. */
  readonly idleReads: number
  /** Beside a download as many as it lasts, at most. */
  readonly maxDownloadReads: number
  /** Made before, and not counted. */
  readonly warmUpReads: number
}

/** Reads of 64 KiB of which nothing was on the node, in milliseconds. */
export interface ColdRow {
  readonly load: ColdLoad
  readonly round: number
  readonly reads: number
  readonly p50Ms: number
  readonly p90Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** What came into the node meanwhile, with all headers. */
  readonly nodeMBPerSecond: number
  readonly machineCpuShare: number
  /** Each of them, in order. */
  readonly readMs: readonly number[]
}

const READ_BYTES = 64 * 1024
const READ_TIMEOUT_MS = 60_000
const POLL_MS = 20
/** What the node may fetch by itself while the swarm is idle: the least that can be set. */
const TRICKLE_BYTES_PER_SECOND = 16 * 1024
/** Before that of which a VM reads. */
const OTHER_PRIORITY = 95
/** Bytes that are on their way when fetching is stopped come still. */
const SETTLE_MS = 1000

/** One disk of a layer that is not on the node: read while nothing else moves, and then while two layers are fetched. */
export async function measureColdReads(lab: ColdLab, size: ColdSize, round: number): Promise<ColdRow[]> {
  const { reader, disk, other } = lab
  await setPrefetchRate(lab, TRICKLE_BYTES_PER_SECOND)
  const params = { boot: `cold-${round}-${randomInt(1e6)}` }
  await reader.client.prepareBoot({ params, body: { layer: disk.layer, overlay: null } })
  try {
    const boot = await until('the disk is served', () => readyBoot(lab, params), { everyMs: POLL_MS })
    using nbd = await NbdReader.open(boot.socket)
    await using places = await AbsentPlaces.open(disk, reader.layerFile(disk.layer), READ_BYTES)
    await sleep(SETTLE_MS)
    const read = async () => {
      const offset = await places.next()
      return offset === undefined ? undefined : nbd.read(offset, READ_BYTES, { timeoutMs: READ_TIMEOUT_MS })
    }
    for (let count = 0; count < size.warmUpReads; count += 1) await read()
    const rows = [await measure(lab, { load: 'idle', round }, size.idleReads, read)]
    await setPrefetchRate(lab, null)
    await lab.client.assign({ body: { layer: other.layer, nodes: [reader.node], priority: OTHER_PRIORITY } })
    await until('the download has begun', async () => (await shareOf(lab, other.layer)) > 0, { everyMs: POLL_MS })
    rows.push(await measure(lab, { load: 'download', round }, size.maxDownloadReads, read))
    return rows
  } finally {
    await reader.client.releaseBoot({ params })
    await lab.empty()
  }
}

async function measure(
  lab: ColdLab,
  { load, round }: Pick<ColdRow, 'load' | 'round'>,
  most: number,
  read: () => Promise<number | undefined>,
): Promise<ColdRow> {
  const readMs: number[] = []
  const before = await moment(lab)
  while (readMs.length < most) {
    const ms = await read()
    if (ms === undefined) break
    readMs.push(ms)
  }
  const after = await moment(lab)
  const seconds = (after.atMs - before.atMs) / 1000
  const sorted = [...readMs].sort((one, other) => one - other)
  const at = (share: number) => round2(sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN)
  return {
    ...{ load, round, reads: readMs.length, p50Ms: at(0.5), p90Ms: at(0.9), p99Ms: at(0.99), maxMs: at(1) },
    nodeMBPerSecond: round2((after.nodeBytes - before.nodeBytes) / 1e6 / seconds),
    machineCpuShare: round2((after.cpuSeconds - before.cpuSeconds) / seconds / lab.cores),
    readMs: readMs.map(round2),
  }
}

async function moment({ lab, setup, reader }: ColdLab) {
  const { intoPeers } = await readLinkCounts(lab, setup)
  const nodeBytes = intoPeers.get(reader.node) ?? Number.NaN
  return { atMs: performance.now(), cpuSeconds: machineCpuSeconds(), nodeBytes }
}

/** Limits what nodes fetch that no VM waits for; resolves when the node knows it. */
async function setPrefetchRate({ client, reader }: ColdLab, prefetchBytesPerSecond: number | null): Promise<void> {
  await client.setLimits({ body: { node: { prefetchBytesPerSecond } } })
  await until('the limit holds', async () => {
    const { limits } = await reader.client.localStatus()
    return limits.effective.prefetchBytesPerSecond === prefetchBytesPerSecond
  })
}

async function readyBoot({ reader }: ColdLab, params: { boot: string }): Promise<Boot | undefined> {
  const boot = await reader.client.showBoot({ params })
  if (boot.state === 'failed') throw new Error(`the disk cannot be served: ${JSON.stringify(boot.error)}`)
  return boot.state === 'ready' ? boot : undefined
}

async function shareOf({ reader }: ColdLab, layer: string): Promise<number> {
  const { layers } = await reader.client.listCache()
  const found = layers.find((entry) => entry.layer === layer)
  return found === undefined ? 0 : found.presentBytes / found.sizeBytes
}

function round2(value: number): number {
  return Math.round(value * 100) / 100
}
