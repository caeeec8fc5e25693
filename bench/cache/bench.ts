import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { POLICY_NAMES } from '@shoal/cache'
import type { RowJournal } from '../row-journal.ts'
import type { BenchReport } from '../run.ts'
import { cacheFigures, DEFAULT_POLICY } from './cache-figures.ts'
import type { CacheOrder, CacheRow } from './measure-cache.ts'
import { TRACE_NAMES } from './traces.ts'

const STARTS = 200_000
/** Of the default policy alone: how long does that take? */
const TIMED_STARTS = 1_000_000
const QUICK_STARTS = 30_000
const THREADS = 2

/** See README.md beside this file. */
export async function run({
  quick,
  say,
  journal,
}: {
  quick: boolean
  say: (line: string) => void
  journal: RowJournal
}): Promise<BenchReport> {
  const left = quick ? orders(QUICK_STARTS) : [...orders(STARTS), ...timedOrders()]
  const rows: CacheRow[] = []
  const measureNext = async (measure: (order: CacheOrder) => Promise<CacheRow>) => {
    const order = left.shift()
    if (order === undefined) return false
    const row = await journal.row({ ...order }, () => measure(order))
    rows.push(row)
    say(describe(row))
    return true
  }
  await Promise.all(Array.from({ length: Math.min(THREADS, availableParallelism()) }, () => work(measureNext)))
  return { figures: cacheFigures(rows), rows: rows.toSorted(byPlace) }
}

/** The traces one after the other, since a thread keeps the one it made last. */
function orders(starts: number): CacheOrder[] {
  const policies = [...POLICY_NAMES, 'belady', 'bound'] as const
  return TRACE_NAMES.flatMap((trace) => [
    ...policies.map((policy) => ({ trace, starts, policy, lastCopiesLast: false })),
    { trace, starts, policy: DEFAULT_POLICY, lastCopiesLast: true },
  ])
}

function timedOrders(): CacheOrder[] {
  return TRACE_NAMES.map((trace) => ({ trace, starts: TIMED_STARTS, policy: DEFAULT_POLICY, lastCopiesLast: false }))
}

/** A thread that measures until nothing is left. */
async function work(measureNext: (measure: (order: CacheOrder) => Promise<CacheRow>) => Promise<boolean>) {
  const worker = new Worker(new URL('./cache-worker.ts', import.meta.url))
  const measure = async (order: CacheOrder) => {
    const answer = once(worker, 'message')
    worker.postMessage(order)
    const [row] = (await answer) as [CacheRow]
    return row
  }
  try {
    while (await measureNext(measure));
  } finally {
    await worker.terminate()
  }
}

function byPlace(one: CacheRow, other: CacheRow): number {
  if (one.starts !== other.starts) return one.starts - other.starts
  return TRACE_NAMES.indexOf(one.trace) - TRACE_NAMES.indexOf(other.trace) || other.byteHitRatio - one.byteHitRatio
}

function describe({ trace, starts, policy, lastCopiesLast, byteHitRatio, fromSeed, seconds }: CacheRow): string {
  const name = `${policy}${lastCopiesLast ? ', last copies last' : ''}`
  return `${starts} of ${trace}, ${name}: ${byteHitRatio} of the bytes hit, ${fromSeed ?? '-'} from the seed, ${seconds} s`
}
