import type { BenchReport } from '../run.ts'
import { type LoadRow, measureLoad, type RejoinRow } from './measure-load.ts'

const FULL = { certificates: [500, 1000, 2000], token: [500, 2000], settleMs: 10_000, windowMs: 60_000 }
const QUICK = { certificates: [100, 300], token: [300], settleMs: 2000, windowMs: 3000 }

/** See README.md beside this file. */
export async function run({ quick, say }: { quick: boolean; say: (line: string) => void }): Promise<BenchReport> {
  const plan = quick ? QUICK : FULL
  const own = await measureSeries('certificates', plan, say)
  const open = await measureSeries('token', plan, say)
  const [last, lastOpen, { crowded, rejoin }] = [own.last, open.last, own]
  if (crowded === undefined || rejoin === undefined) throw new TypeError('no restart was measured')
  return {
    figures: {
      nodes: last.nodes,
      ...figuresOf(own),
      failed: Object.values(last.latencies).reduce((sum, { failed }) => sum + failed, 0),
      growthExponent: Math.log(last.cpuShare / own.first.cpuShare) / Math.log(last.nodes / own.first.nodes),
      cpuShareOfMoreReaders: crowded.cpuShare - last.cpuShare,
      p99MsWithMoreReaders: p99Of(crowded),
      downSeconds: rejoin.downSeconds,
      rejoinSeconds: rejoin.rejoinSeconds,
      turnedAway: rejoin.turnedAway,
      ...Object.fromEntries(Object.entries(figuresOf(open)).map(([name, value]) => [`${name}WithToken`, value])),
      cpuRatio: last.cpuShare / lastOpen.cpuShare,
      rssMiBOfTlsPerPeer: (last.rssMiB - lastOpen.rssMiB) / last.nodes,
    },
    rows: [...own.loads, ...open.loads, rejoin],
  }
}

interface Series {
  /** Of each size, then with more readers. */
  readonly loads: readonly LoadRow[]
  readonly first: LoadRow
  readonly last: LoadRow
  /** The last one with more readers. */
  readonly crowded: LoadRow | undefined
  readonly rejoin: RejoinRow | undefined
}

/** Fleets of all sizes, the largest last: that of nodes with certificates has to bear more. */
async function measureSeries(
  security: 'certificates' | 'token',
  { settleMs, windowMs, ...sizes }: typeof FULL,
  say: (line: string) => void,
): Promise<Series> {
  const measured = []
  for (const nodes of sizes[security]) {
    const isLast = security === 'certificates' && nodes === sizes[security].at(-1)
    const each = await measureLoad({ nodes, security, settleMs, windowMs, isLast })
    for (const row of each.loads) say(lineOf(row))
    measured.push(each)
  }
  const [first, last, crowded, { rejoin } = {}] = [
    measured[0]?.loads[0],
    measured.at(-1)?.loads[0],
    measured.at(-1)?.loads[1],
    measured.at(-1),
  ]
  if (first === undefined || last === undefined) throw new TypeError('nothing was measured')
  if (rejoin !== undefined) {
    const { nodes, rejoinSeconds, turnedAway } = rejoin
    say(`${nodes} nodes: back ${rejoinSeconds.toFixed(1)} s after the seed, ${turnedAway} connections turned away`)
  }
  return { loads: measured.flatMap(({ loads }) => loads), first, last, crowded, rejoin }
}

function figuresOf({ first, last }: Series) {
  const more = last.nodes - first.nodes
  return {
    cpuShare: last.cpuShare,
    rssMiB: last.rssMiB,
    rssMiBPerPeer: more === 0 ? null : (last.rssMiB - first.rssMiB) / more,
    p99Ms: p99Of(last),
  }
}

function p99Of({ latencies }: LoadRow): number {
  return Math.max(...Object.values(latencies).map(({ p99 }) => p99))
}

function lineOf({ nodes, security, readers, cpuShare, rssMiB, descriptors, latencies }: LoadRow): string {
  const kinds = Object.entries(latencies).map(
    ([kind, { p99, failed }]) => `${kind} ${p99.toFixed(0)} (${failed} failed)`,
  )
  const took = `${(cpuShare * 100).toFixed(0)} % of a core, ${rssMiB.toFixed(0)} MiB, ${descriptors} descriptors`
  return `${nodes} nodes, ${security}, ${readers} readers: ${took}, p99 in ms: ${kinds.join(', ')}`
}
