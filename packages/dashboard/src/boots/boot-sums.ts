import type { BootRow } from '@shoal/api'
import { bootTimes } from './boot-steps.ts'

/** Times of many boots, with the one that took longest. Seconds. */
export interface TimeSum {
  readonly count: number
  readonly median: number | null
  readonly most: { readonly seconds: number; readonly boot: BootRow } | null
}

export interface BootSums {
  readonly serving: number
  readonly preparing: number
  readonly failed: number
  readonly stalls: number
  readonly onDemandBytes: number
  /** Of the layers of these disks; one layer on one node counts once a disk. */
  readonly presentBytes: number
  readonly firstRead: TimeSum
  readonly booted: TimeSum
  readonly longestWait: TimeSum
}

/** All boots in a few numbers. */
export function bootSums(boots: readonly BootRow[]): BootSums {
  const inState = (state: BootRow['state']) => boots.filter((boot) => boot.state === state).length
  const sum = (of: (boot: BootRow) => number) => boots.reduce((total, boot) => total + of(boot), 0)
  return {
    serving: inState('ready'),
    preparing: inState('preparing'),
    failed: inState('failed'),
    stalls: sum(({ reads }) => reads.stalls),
    onDemandBytes: sum(({ reads }) => reads.onDemandBytes),
    presentBytes: sum(({ presentBytes }) => presentBytes),
    firstRead: timesOf(boots, (boot) => bootTimes(boot).firstRead),
    booted: timesOf(boots, (boot) => bootTimes(boot).booted),
    longestWait: timesOf(boots, ({ reads }) => reads.longestWaitMs / 1000),
  }
}

function timesOf(boots: readonly BootRow[], secondsOf: (boot: BootRow) => number | null): TimeSum {
  const known = boots.flatMap((boot) => {
    const seconds = secondsOf(boot)
    return seconds === null ? [] : [{ boot, seconds }]
  })
  known.sort((a, b) => a.seconds - b.seconds)
  const median = known[Math.floor(known.length / 2)]?.seconds ?? null
  return { count: known.length, median, most: known.at(-1) ?? null }
}
