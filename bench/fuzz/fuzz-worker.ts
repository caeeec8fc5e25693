import { parentPort, workerData } from 'node:worker_threads'
import { type FuzzTally, runTarget } from './run-target.ts'
import { openTargets } from './targets.ts'

/** What a thread runs, and where it says which seed it is at. */
export interface FuzzOrder {
  readonly target: string
  readonly first: number
  readonly count: number
  readonly forMs: number | null
  readonly seedAt: SharedArrayBuffer
}

// Refusals are errors, millions of them: what they cost is their stack.
Error.stackTraceLimit = 0
const { target: name, first, count, forMs, seedAt } = workerData as FuzzOrder
const seed = new Int32Array(seedAt)
const targets = openTargets()
const target = targets.find((known) => known.name === name)
if (target === undefined) throw new TypeError(`there is no target ${name}`)
const endsAt = forMs === null ? Number.POSITIVE_INFINITY : performance.now() + forMs
const tally: FuzzTally = await runTarget(target, {
  ...{ first, count, isOver: () => performance.now() >= endsAt },
  onSeed: (now) => {
    seed[0] = now
  },
})
for (const { close } of targets) close?.()
parentPort?.postMessage(tally)
