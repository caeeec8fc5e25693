import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../../test/harness/until.ts'
import { cpuSeconds } from '../dashboard/cpu-seconds.ts'
import { Latencies, type LatencyReport } from '../dashboard/latencies.ts'
import { EventReaders } from './event-readers.ts'
import { type LoadGround, openLoad } from './load-ground.ts'
import type { LoadSecurity } from './load-link.ts'

const MIB = 1024 ** 2
const ASK_MS = 250
const READERS = 10
const MORE_READERS = 200
const REJOIN_LIMIT_MS = 120_000

/** What a seed took while so many nodes talked to it. */
export interface LoadRow {
  readonly security: LoadSecurity
  readonly nodes: number
  /** Of its events. */
  readonly readers: number
  /** CPU seconds a second. */
  readonly cpuShare: number
  readonly rssMiB: number
  readonly descriptors: number
  /** What the readers got together. */
  readonly eventBytesPerSecond: number
  /** As clients saw it, by kind of request; `api` is an operator's question in between. */
  readonly latencies: LatencyReport
}

/** How a fleet came back to a seed that was killed and started again. */
export interface RejoinRow {
  readonly security: LoadSecurity
  readonly nodes: number
  /** From the kill until the seed answered. */
  readonly downSeconds: number
  /** From then until the last node had its stream and an answer to a heartbeat. */
  readonly rejoinSeconds: number
  /** Connections that were one too many, and closed. */
  readonly turnedAway: number
  readonly latencies: LatencyReport
}

export interface LoadOptions {
  readonly nodes: number
  readonly security: LoadSecurity
  /** Until every node has begun to report and to announce. */
  readonly settleMs: number
  readonly windowMs: number
  /** Whether more readers come then, and the seed is killed. */
  readonly isLast: boolean
}

/** A fleet and ten readers of events for a while; then, if it is wanted, more readers, and a restart of the seed. */
export async function measureLoad(
  options: LoadOptions,
): Promise<{ readonly loads: LoadRow[]; readonly rejoin: RejoinRow | undefined }> {
  const { windowMs, isLast } = options
  await using stack = new AsyncDisposableStack()
  const ground = await openLoad(stack, options)
  const readers = stack.use(new EventReaders({ url: ground.seed.url, token: ground.token, readers: READERS }))
  await sleep(options.settleMs)
  const loads = [await measureWindow(ground, [readers], { ...options, readers: READERS })]
  if (!isLast) return { loads, rejoin: undefined }
  {
    await using more = new EventReaders({ url: ground.seed.url, token: ground.token, readers: MORE_READERS })
    loads.push(
      await measureWindow(ground, [readers, more], {
        ...options,
        windowMs: windowMs / 2,
        readers: READERS + MORE_READERS,
      }),
    )
  }
  await readers[Symbol.asyncDispose]()
  return { loads, rejoin: await measureRejoin(ground, options) }
}

async function measureWindow(
  ground: LoadGround,
  readers: readonly EventReaders[],
  { nodes, security, windowMs, readers: count }: Pick<LoadRow, 'nodes' | 'security' | 'readers'> & { windowMs: number },
): Promise<LoadRow> {
  const latencies = new Latencies()
  await ground.latencies()
  for (const each of readers) each.takeBytes()
  const [begin, before] = [performance.now(), await cpuSeconds(ground.seed.pid)]
  while (performance.now() - begin < windowMs) {
    await latencies.time('api', () => ground.client.listNodes({ query: { limit: 100 } }))
    await sleep(ASK_MS)
  }
  const used = (await cpuSeconds(ground.seed.pid)) - before
  const seconds = (performance.now() - begin) / 1000
  const bytes = readers.reduce((sum, each) => sum + each.takeBytes(), 0)
  return {
    ...{ security, nodes, readers: count },
    cpuShare: used / seconds,
    ...(await footprint(ground.seed.pid)),
    eventBytesPerSecond: bytes / seconds,
    latencies: { ...(await ground.latencies()), ...latencies.take() },
  }
}

/** Kills the seed, starts it again and waits for the whole fleet. */
async function measureRejoin(
  ground: LoadGround,
  { nodes, security }: Pick<LoadRow, 'nodes' | 'security'>,
): Promise<RejoinRow> {
  const { seed, token } = ground
  await ground.latencies()
  await seed.end('SIGKILL')
  const killedAt = Date.now()
  await ground.forgetServed()
  await seed.start()
  const answeredAt = Date.now()
  const lastAt = await until(
    'all nodes are served again',
    async () => {
      const served = await ground.served()
      return served.unserved === 0 && served.lastAt
    },
    { timeoutMs: REJOIN_LIMIT_MS, everyMs: 500 },
  )
  const metrics = await fetch(`${seed.url}/metrics`, { headers: { authorization: `Bearer ${token}` } })
  const turnedAway = Number(
    /^shoal_flood_refused_total\{what="http-connection"\} (\d+)/m.exec(await metrics.text())?.[1],
  )
  return {
    ...{ security, nodes, turnedAway },
    downSeconds: (answeredAt - killedAt) / 1000,
    rejoinSeconds: Math.max(0, lastAt - answeredAt) / 1000,
    latencies: await ground.latencies(),
  }
}

export async function footprint(pid: number): Promise<{ rssMiB: number; descriptors: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const rssKiB = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1])
  return { rssMiB: (rssKiB * 1024) / MIB, descriptors: (await readdir(`/proc/${pid}/fd`)).length }
}
