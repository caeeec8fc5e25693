import type { BenchFigures, BenchReport } from '../run.ts'
import { measureHeartbeats } from './measure-heartbeats.ts'
import { measureJoint, measureWeighing } from './measure-speed.ts'
import { mean, measureTrace, round, SCHEDULERS, type Scale, type TraceRow, UNEVEN } from './measure-trace.ts'

const FULL: Scale = { requests: 10_000, nodes: 500, images: 120 }
const QUICK: Scale = { requests: 2000, nodes: 100, images: 120 }
const SEEDS = [1, 2, 3]
/** Without those that only show what other settings trade. */
const MAIN = ['nova', 'cacheImproved', 'cacheImprovedBeside', 'perRequest', 'joint']

/** See README.md beside this file. */
export async function run({ quick, say }: { quick: boolean; say: (line: string) => void }): Promise<BenchReport> {
  const rows: TraceRow[] = []
  for (const seed of quick ? SEEDS.slice(0, 1) : SEEDS) {
    for (const scheduler of namesFor(seed, quick)) {
      const row = measureTrace(scheduler, seed, quick ? QUICK : FULL)
      rows.push(row)
      say(
        `seed ${seed}, ${scheduler}: ${row.gibMoved} GiB, ${row.meanSecondsToImage} s to the image, imbalance ${row.imbalance}`,
      )
    }
  }
  const weigh1000HostsMs = measureWeighing()
  const joint = measureJoint({ vms: 1000, images: 20, nodes: 1000 })
  say(`1,000 hosts weighed in ${weigh1000HostsMs} ms; 1,000 VMs placed in ${joint.seconds} s`)
  const heartbeats = await measureHeartbeats(quick ? 200 : 2000)
  for (const { kind, bytesSent, microseconds } of heartbeats) say(`${kind}: ${bytesSent} bytes, ${microseconds} us`)
  const of = (kind: string) => heartbeats.find((row) => row.kind === kind)
  const figures = {
    ...traceFigures(rows),
    weigh1000HostsMs,
    jointSeconds: joint.seconds,
    jointCpuSeconds: joint.cpuSeconds,
    jointCostOverBound: joint.costOverBound,
    idleHeartbeatBytes: of('idle')?.bytesSent ?? null,
    idleHeartbeatMicroseconds: of('idle')?.microseconds ?? null,
    wholeHeartbeatBytes: of('whole')?.bytesSent ?? null,
    wholeHeartbeatMicroseconds: of('whole')?.microseconds ?? null,
  }
  return { figures, rows: [...rows, joint, ...heartbeats] }
}

function namesFor(seed: number, quick: boolean): readonly string[] {
  if (seed > 1) return MAIN
  return quick ? [...MAIN, UNEVEN] : Object.keys(SCHEDULERS)
}

/** What is less even by more than this is no match: bytes are saved most by starting everything in one place. */
const EVEN_ENOUGH = 1.1

/** Ours over others, of the means of all seeds. */
function traceFigures(rows: readonly TraceRow[]): BenchFigures {
  const of = (scheduler: string, value: (row: TraceRow) => number) =>
    mean(rows.filter((row) => row.scheduler === scheduler).map(value))
  const bytes = (scheduler: string) => of(scheduler, ({ gibMoved }) => gibMoved)
  const imbalance = (scheduler: string) => of(scheduler, (row) => row.imbalance)
  const evenEnough = MAIN.filter((one) => one !== 'joint' && imbalance(one) <= EVEN_ENOUGH * imbalance('joint'))
  const others = Math.min(...evenEnough.map(bytes))
  const ratio = (one: number, other: number) => (other > 0 && Number.isFinite(other) ? round(one / other, 3) : null)
  const [uneven] = rows.filter(({ scheduler }) => scheduler === UNEVEN)
  const ofSeed1 = rows.find(({ scheduler, seed }) => scheduler === 'cacheImproved' && seed === 1)
  const p99 = (scheduler: string) => of(scheduler, ({ p99SecondsToImage }) => p99SecondsToImage)
  const meanWait = (scheduler: string) => of(scheduler, ({ meanSecondsToImage }) => meanSecondsToImage)
  return {
    bytesVsNova: ratio(bytes('joint'), bytes('nova')),
    bytesVsBestOther: ratio(bytes('joint'), others),
    imbalanceVsNova: ratio(imbalance('joint'), imbalance('nova')),
    bytesVsCacheImproved: uneven === undefined ? null : ratio(uneven.gibMoved, ofSeed1?.gibMoved ?? 0),
    meanToImageVsNova: ratio(meanWait('joint'), meanWait('nova')),
    p99ToImageVsNova: ratio(p99('joint'), p99('nova')),
    perRequestBytesVsNova: ratio(bytes('perRequest'), bytes('nova')),
    perRequestImbalanceVsNova: ratio(imbalance('perRequest'), imbalance('nova')),
    cacheImprovedBytesVsNova: ratio(bytes('cacheImproved'), bytes('nova')),
    cacheImprovedImbalanceVsNova: ratio(imbalance('cacheImproved'), imbalance('nova')),
    cacheImprovedBesideBytesVsNova: ratio(bytes('cacheImprovedBeside'), bytes('nova')),
    cacheImprovedBesideImbalanceVsNova: ratio(imbalance('cacheImprovedBeside'), imbalance('nova')),
  }
}
