import { parentPort, workerData } from 'node:worker_threads'
import { type FuzzTally, runRange } from '@shoal/qcow2/fuzz'

/** Which seeds a thread runs: every `step`-th from `first` to `last`, for so long at most. */
export interface FuzzOrder {
  readonly first: number
  readonly step: number
  readonly last: number
  readonly forMs: number | null
}

export interface FuzzProgress {
  /** Cases that were begun. */
  readonly count: number
  /** Only of the last message. */
  readonly tally?: FuzzTally
}

const TELL_EVERY = 10_000

const { first, step, last, forMs } = workerData as FuzzOrder
const endsAt = forMs === null ? Number.POSITIVE_INFINITY : performance.now() + forMs
let count = 0

function* seeds(): Generator<number> {
  for (let seed = first; seed <= last; seed += step) {
    count += 1
    if (count % TELL_EVERY === 0) parentPort?.postMessage({ count } satisfies FuzzProgress)
    yield seed
  }
}

const tally = await runRange(seeds(), () => performance.now() >= endsAt)
parentPort?.postMessage({ count, tally } satisfies FuzzProgress)
