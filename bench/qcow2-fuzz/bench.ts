import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { FuzzTally } from '@shoal/qcow2/fuzz'
import type { BenchReport } from '../run.ts'
import type { FuzzOrder, FuzzProgress } from './fuzz-worker.ts'
import { measureInspection } from './measure-inspection.ts'

const MUTATIONS = 10_000_000
/** A quick run does as many as it can meanwhile. */
const QUICK_MS = 30_000
const THREADS = 2
const SAY_EVERY_MS = 10_000

/** See README.md beside this file. */
export async function run({ quick, say }: { quick: boolean; say: (line: string) => void }): Promise<BenchReport> {
  const inspections = await measureInspection()
  for (const { clusterBytes, ms } of inspections)
    say(`1 GiB in clusters of ${clusterBytes} bytes: inspected in ${ms} ms`)
  const startedAt = performance.now()
  const threads = Math.min(THREADS, availableParallelism())
  const done = new Array<number>(threads).fill(0)
  const told = setInterval(() => {
    const mutations = done.reduce((sum, count) => sum + count, 0)
    say(`${mutations} mutations, ${Math.round(mutations / ((performance.now() - startedAt) / 1000))} a second`)
  }, SAY_EVERY_MS)
  const tallies = await Promise.all(
    done.map((_, thread) => {
      const order = { first: thread + 1, step: threads, last: MUTATIONS, forMs: quick ? QUICK_MS : null }
      return runWorker(order, (count) => {
        done[thread] = count
      })
    }),
  ).finally(() => clearInterval(told))
  const seconds = (performance.now() - startedAt) / 1000
  const failures = tallies.flatMap((tally) => tally.failures)
  for (const { seed, reason } of failures) say(`seed ${seed}: ${reason}`)
  const sum = (of: 'mutations' | 'accepted' | 'refused' | 'failureCount') =>
    tallies.reduce((total, tally) => total + tally[of], 0)
  const slowest = tallies.reduce((most, tally) => (tally.slowestMs > most.slowestMs ? tally : most))
  return {
    figures: {
      mutations: sum('mutations'),
      perSecond: Math.round(sum('mutations') / seconds),
      accepted: sum('accepted'),
      refused: sum('refused'),
      failures: sum('failureCount'),
      slowestMs: Math.round(slowest.slowestMs * 10) / 10,
      slowestSeed: slowest.slowestSeed,
      peakRssMiB: Math.round(process.resourceUsage().maxRSS / 1024),
      ...Object.fromEntries(inspections.map(({ clusterBytes, ms }) => [`inspectGiBOf${clusterBytes}Ms`, ms])),
    },
    rows: failures,
  }
}

async function runWorker(order: FuzzOrder, onCount: (count: number) => void): Promise<FuzzTally> {
  const worker = new Worker(new URL('./fuzz-worker.ts', import.meta.url), { workerData: order })
  worker.on('message', ({ count }: FuzzProgress) => onCount(count))
  const failed = once(worker, 'exit').then(([code]) => {
    throw new Error(`a worker ended with ${code}`)
  })
  const finished = new Promise<FuzzTally>((resolve, reject) => {
    worker.once('error', reject)
    worker.on('message', ({ tally }: FuzzProgress) => tally !== undefined && resolve(tally))
  })
  return Promise.race([finished, failed])
}
