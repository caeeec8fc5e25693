import { readFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'

/** The timer that is watched: what it is late by is how long the event loop was not free. */
const RESOLUTION_MS = 1

/** How late the event loop was while data flowed. */
export interface LoopDelay {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** Of the time: the main thread ran, and it could have run and waited for a core. The rest it slept. */
  readonly runShare: number
  readonly waitShare: number
}

/** Watches the event loop of this process from now until the function it gives is called. */
export function watchLoopDelay(): () => LoopDelay {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  const before = mainThread()
  histogram.enable()
  return () => {
    histogram.disable()
    const after = mainThread()
    const elapsed = after.atNs - before.atNs
    const toMs = (nanoseconds: number) => round(Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS))
    return {
      p50Ms: toMs(histogram.percentile(50)),
      p99Ms: toMs(histogram.percentile(99)),
      maxMs: toMs(histogram.max),
      runShare: round((after.ranNs - before.ranNs) / elapsed),
      waitShare: round((after.waitedNs - before.waitedNs) / elapsed),
    }
  }
}

/** What the scheduler of Linux counts for the main thread, whose number is the process's (Documentation/scheduler/sched-stats). */
function mainThread(): { atNs: number; ranNs: number; waitedNs: number } {
  const [ranNs = 0, waitedNs = 0] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8')
    .split(' ')
    .map(Number)
  return { atNs: Number(process.hrtime.bigint()), ranNs, waitedNs }
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
