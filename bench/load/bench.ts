import type { BenchReport } from '../run.ts'
import type { LoadSecurity } from './load-link.ts'
import { type LoadRow, measureLoad, type RejoinRow } from './measure-load.ts'

const FULL = { sizes: [500, 1000, 2000], windowMs: 60_000 }
const QUICK = { sizes: [100, 400], windowMs: 5000 }

/** See README.md beside this file. */
export async function run({ quick, say }: { quick: boolean; say: (line: string) => void }): Promise<BenchReport> {
  const plan = quick ? QUICK : FULL
  const own = await measureSeries('certificates', plan, say)
  const open = await measureSeries('token', plan, say)
  const [last, lastOpen] = [own.last, open.last]
  return {
    figures: {
      nodes: last.nodes,
      ...figuresOf(own),
      tokenCpuShare: lastOpen.cpuShare,
      tokenRssMiB: lastOpen.rssMiB,
      tokenRssMiBPerPeer: perPeer(open),
      tokenP99Ms: p99Of(lastOpen),
      tokenRejoinSeconds: open.rejoin.rejoinSeconds,
      cpuOfTls: last.cpuShare / lastOpen.cpuShare,
      rssMiBOfTlsPerPeer: (last.rssMiB - lastOpen.rssMiB) / last.nodes,
    },
    rows: [...own.loads, ...open.loads, own.rejoin, open.rejoin],
  }
}

interface Series {
  /** Of each size, then with more readers. */
  readonly loads: readonly LoadRow[]
  readonly first: LoadRow
  readonly last: LoadRow
  readonly crowded: LoadRow
  readonly rejoin: RejoinRow
}

/** Fleets of all sizes, the largest last. */
async function measureSeries(
  security: LoadSecurity,
  { sizes, windowMs }: typeof FULL,
  say: (line: string) => void,
): Promise<Series> {
  const loads: LoadRow[] = []
  for (const nodes of sizes) {
    const isLast = nodes === sizes.at(-1)
    const measured = await measureLoad({ nodes, security, windowMs, isLast })
    for (const row of measured.loads) say(lineOf(row))
    loads.push(...measured.loads)
    const [first, last, crowded, { rejoin }] = [loads[0], loads.at(-2), loads.at(-1), measured]
    if (rejoin === undefined || first === undefined || last === undefined || crowded === undefined) continue
    say(
      `${nodes} nodes, ${security}: back ${rejoin.rejoinSeconds.toFixed(1)} s after the seed, ${rejoin.turnedAway} turned away`,
    )
    return { loads, first, last, crowded, rejoin }
  }
  throw new TypeError('nothing was measured')
}

function figuresOf({ first, last, crowded, rejoin }: Series) {
  const times = Math.log(last.nodes / first.nodes)
  return {
    cpuShare: last.cpuShare,
    rssMiB: last.rssMiB,
    rssMiBPerPeer: perPeer({ first, last }),
    p99Ms: p99Of(last),
    failed: Object.values(last.latencies).reduce((sum, { failed }) => sum + failed, 0),
    growthExponent: Math.log(last.cpuShare / first.cpuShare) / times,
    rssGrowthExponent: Math.log(last.rssMiB / first.rssMiB) / times,
    cpuShareOfMoreReaders: crowded.cpuShare - last.cpuShare,
    p99MsWithMoreReaders: p99Of(crowded),
    downSeconds: rejoin.downSeconds,
    rejoinSeconds: rejoin.rejoinSeconds,
    turnedAway: rejoin.turnedAway,
  }
}

function perPeer({ first, last }: Pick<Series, 'first' | 'last'>): number {
  return (last.rssMiB - first.rssMiB) / (last.nodes - first.nodes)
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
