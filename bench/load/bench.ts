import type { BenchReport } from '../run.ts'
import { type LoadRow, measureLoad } from './measure-load.ts'

const FULL = { sizes: [500, 1000, 2000], windowMs: 60_000 }
const QUICK = { sizes: [100, 400], windowMs: 5000 }

/** See README.md beside this file. */
export async function run({ quick, say }: { quick: boolean; say: (line: string) => void }): Promise<BenchReport> {
  const { sizes, windowMs } = quick ? QUICK : FULL
  const rows: LoadRow[] = []
  for (const nodes of sizes) {
    const row = await measureLoad(nodes, windowMs)
    say(
      `${nodes} nodes: ${(row.cpuShare * 100).toFixed(0)} % of a core, ${row.rssMiB.toFixed(0)} MiB, ${row.descriptors} descriptors, p99 in ms: ` +
        Object.entries(row.latencies)
          .map(([kind, { p99, failed }]) => `${kind} ${p99.toFixed(0)} (${failed} failed)`)
          .join(', '),
    )
    rows.push(row)
  }
  const [first, last] = [rows[0], rows.at(-1)]
  if (first === undefined || last === undefined) throw new TypeError('nothing was measured')
  const times = last.nodes / first.nodes
  return {
    figures: {
      nodes: last.nodes,
      cpuShare: last.cpuShare,
      rssMiB: last.rssMiB,
      rssMiBPerPeer: (last.rssMiB - first.rssMiB) / (last.nodes - first.nodes),
      p99Ms: Math.max(...Object.values(last.latencies).map(({ p99 }) => p99)),
      failed: Object.values(last.latencies).reduce((sum, { failed }) => sum + failed, 0),
      growthExponent: Math.log(last.cpuShare / first.cpuShare) / Math.log(times),
      rssGrowthExponent: Math.log(last.rssMiB / first.rssMiB) / Math.log(times),
    },
    rows,
  }
}
