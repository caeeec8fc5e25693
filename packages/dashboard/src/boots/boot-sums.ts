import type { BootRow } from '@shoal/api'
import { secondsBetween } from '../format/time.ts'

export interface BootSums {
  readonly serving: number
  readonly preparing: number
  readonly failed: number
  readonly stalls: number
  readonly onDemandBytes: number
  /** Of the layers of these disks; one layer on one node counts once a disk. */
  readonly presentBytes: number
  readonly medianFirstReadSeconds: number | null
  readonly slowestFirstReadSeconds: number | null
  readonly longestWaitSeconds: number | null
}

/** All boots in a few numbers. */
export function bootSums(boots: readonly BootRow[]): BootSums {
  const inState = (state: BootRow['state']) => boots.filter((boot) => boot.state === state).length
  const sum = (of: (boot: BootRow) => number) => boots.reduce((total, boot) => total + of(boot), 0)
  const firsts = boots.flatMap((boot) => firstReadSeconds(boot) ?? []).sort((a, b) => a - b)
  const waits = boots.map(({ reads }) => reads.longestWaitMs / 1000)
  return {
    serving: inState('ready'),
    preparing: inState('preparing'),
    failed: inState('failed'),
    stalls: sum(({ reads }) => reads.stalls),
    onDemandBytes: sum(({ reads }) => reads.onDemandBytes),
    presentBytes: sum(({ presentBytes }) => presentBytes),
    medianFirstReadSeconds: firsts[Math.floor(firsts.length / 2)] ?? null,
    slowestFirstReadSeconds: firsts.at(-1) ?? null,
    longestWaitSeconds: waits.length === 0 ? null : Math.max(...waits),
  }
}

/** From when a disk was asked for until its VM read first; undefined before that. Seconds. */
export function firstReadSeconds({ preparedAt, reads }: Pick<BootRow, 'preparedAt' | 'reads'>): number | undefined {
  return reads.firstReadAt === null ? undefined : Math.max(0, secondsBetween(preparedAt, reads.firstReadAt))
}
