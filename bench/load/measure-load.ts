import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { cpuSeconds } from '../dashboard/cpu-seconds.ts'
import { type DashboardGround, openGround } from '../dashboard/dashboard-ground.ts'
import { Latencies, type LatencyReport } from '../dashboard/latencies.ts'

const MIB = 1024 ** 2
export const HEARTBEAT_MS = 5000
/** Every node has begun to report and to announce by then. */
const SETTLE_MS = 10_000
const ASK_MS = 250
const STREAMS = 10

/** What a seed took while so many nodes talked to it. */
export interface LoadRow {
  readonly nodes: number
  /** CPU seconds a second. */
  readonly cpuShare: number
  readonly rssMiB: number
  readonly descriptors: number
  /** As clients saw it, by kind of request; `api` is an operator's question in between. */
  readonly latencies: LatencyReport
}

/** A fleet of that size, and ten readers of events, for a while. */
export async function measureLoad(nodes: number, windowMs: number): Promise<LoadRow> {
  await using stack = new AsyncDisposableStack()
  const ground = await openLoad(stack, nodes)
  await sleep(SETTLE_MS)
  const latencies = new Latencies()
  await ground.latencies()
  const [begin, before] = [performance.now(), await cpuSeconds(ground.seed.pid)]
  while (performance.now() - begin < windowMs) {
    await latencies.time('api', () => ground.client.listNodes({ query: { limit: 100 } }))
    await sleep(ASK_MS)
  }
  const used = (await cpuSeconds(ground.seed.pid)) - before
  const cpuShare = (used * 1000) / (performance.now() - begin)
  const figures = { ...(await ground.latencies()), ...latencies.take() }
  return { nodes, cpuShare, ...(await footprint(ground.seed.pid)), latencies: figures }
}

/** A seed with a plan for all its images, nodes that report, announce and listen, and readers of the event stream. */
export async function openLoad(stack: AsyncDisposableStack, nodes: number): Promise<DashboardGround> {
  const ground = await openGround(stack, { nodes, heartbeatMs: HEARTBEAT_MS, fetchMs: 120_000, whole: true })
  const images = (await ground.client.listImages()).images.map(({ id }) => ({ image: id, all: true as const }))
  await ground.client.createPrefetch({ body: { name: 'load', images } })
  const over = new AbortController()
  stack.defer(async () => over.abort())
  for (let stream = 0; stream < STREAMS; stream += 1) void readEvents(ground, over.signal)
  return ground
}

export async function footprint(pid: number): Promise<{ rssMiB: number; descriptors: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const rssKiB = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1])
  return { rssMiB: (rssKiB * 1024) / MIB, descriptors: (await readdir(`/proc/${pid}/fd`)).length }
}

async function readEvents({ client }: DashboardGround, signal: AbortSignal): Promise<void> {
  try {
    for await (const _ of await client.streamEvents({ signal }));
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
