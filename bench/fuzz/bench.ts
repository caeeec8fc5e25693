import { Worker } from 'node:worker_threads'
import type { RowJournal } from '../row-journal.ts'
import type { BenchReport } from '../run.ts'
import type { FuzzOrder } from './fuzz-worker.ts'
import type { FuzzTally } from './run-target.ts'
import { openTargets } from './targets.ts'

const EXECUTIONS = 10_000_000
/** A quick run does what it can. */
const QUICK_MS_EACH = 900
/** A thread that stays at one input for so long never comes back from it. */
const HANG_MS = 60_000
const LOOK_MS = 1000

interface Row extends FuzzTally {
  readonly target: string
  readonly seconds: number
}

/** See README.md beside this file. */
export async function run(options: {
  quick: boolean
  say: (line: string) => void
  journal: RowJournal
}): Promise<BenchReport> {
  const { quick, say, journal } = options
  const targets = openTargets()
  for (const { close } of targets) close?.()
  const rows: Row[] = []
  for (const { name } of targets) {
    const row = await journal.row({ target: name }, () => fuzz(name, quick))
    say(`${name}: ${row.executions} executions, ${row.taken} taken, ${row.findingCount} findings, ${row.seconds} s`)
    for (const { seed, reason } of row.findings) say(`  seed ${seed}: ${reason}`)
    rows.push(row)
  }
  const sum = (of: 'executions' | 'findingCount' | 'seconds') => rows.reduce((total, row) => total + row[of], 0)
  return {
    figures: {
      targets: rows.length,
      executions: sum('executions'),
      leastExecutions: Math.min(...rows.map(({ executions }) => executions)),
      findings: sum('findingCount'),
      seconds: Math.round(sum('seconds')),
      slowestMs: Math.max(...rows.map(({ slowestMs }) => slowestMs)),
    },
    rows,
  }
}

async function fuzz(target: string, quick: boolean): Promise<Row> {
  const startedAt = performance.now()
  const seedAt = new SharedArrayBuffer(4)
  const order: FuzzOrder = {
    target,
    first: 1,
    count: EXECUTIONS,
    forMs: quick ? QUICK_MS_EACH : null,
    seedAt,
  }
  const worker = new Worker(new URL('./fuzz-worker.ts', import.meta.url), {
    workerData: order,
    resourceLimits: { maxOldGenerationSizeMb: 512 },
  })
  const tally = await watched(worker, target, new Int32Array(seedAt))
  await worker.terminate()
  return { target, ...tally, seconds: Math.round((performance.now() - startedAt) / 100) / 10 }
}

/** What the thread found; an input at which it stays, or which ends it, is a finding too. */
function watched(worker: Worker, target: string, seedNow: Int32Array): Promise<FuzzTally> {
  return new Promise((resolve) => {
    const fail = (reason: string) => {
      const seed = seedNow[0] ?? 0
      const findings = [{ target, seed, reason, input: '' }]
      settle({ executions: seed, taken: 0, slowestMs: 0, findingCount: 1, findings })
    }
    let [seen, seenAt] = [0, performance.now()]
    const look = setInterval(() => {
      const seed = seedNow[0] ?? 0
      if (seed !== seen) [seen, seenAt] = [seed, performance.now()]
      else if (performance.now() - seenAt > HANG_MS) fail('it never ends')
    }, LOOK_MS)
    const settle = (tally: FuzzTally) => {
      clearInterval(look)
      resolve(tally)
    }
    worker.once('message', settle)
    worker.once('error', (error) => fail(String(error)))
    worker.once('exit', (code) => fail(`the thread ended with ${code}`))
  })
}
