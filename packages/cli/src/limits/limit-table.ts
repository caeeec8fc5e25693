import type { LimitsStatus } from '@shoal/api'
import { formatTable } from '../format/table.ts'
import { LIMIT_NAMES, type LimitName, limitOf } from './limit-names.ts'
import { formatLimit } from './rate.ts'
import { formatTurn } from './schedule-table.ts'

/** What holds, what was set, scheduled and configured, a line a limit; and where in the schedule we are. */
export function formatLimits(status: LimitsStatus, now: number): string {
  const { effective, set, scheduled, configured, nextChangeAt } = status
  const table = formatTable<LimitName>(LIMIT_NAMES, [
    { title: 'LIMIT', value: ({ name }) => name },
    { title: 'NOW', align: 'right', value: (limit) => formatOptional(limitOf(effective, limit)) },
    { title: 'SET', align: 'right', value: (limit) => formatOptional(limitOf(set, limit)) },
    { title: 'SCHEDULED', align: 'right', value: (limit) => formatOptional(limitOf(scheduled?.limits ?? {}, limit)) },
    { title: 'CONFIGURED', align: 'right', value: (limit) => formatOptional(limitOf(configured, limit)) },
    { title: 'OF', value: ({ meaning }) => meaning },
  ])
  if (scheduled === null && nextChangeAt === null) return table
  return `${table}\n\n${formatTurn({ window: scheduled?.window ?? null, nextChangeAt }, now)}`
}

/** A limit as people write it, and nothing for what is not known. */
export function formatOptional(limit: number | null | undefined): string {
  return limit === undefined ? '' : formatLimit(limit)
}
