import type { LimitsStatus } from '@shoal/api'
import { formatTable } from '../format/table.ts'
import { LIMIT_NAMES, type LimitName, limitOf } from './limit-names.ts'
import { formatLimit } from './rate.ts'

/** What holds, what was set and what is configured, a line a limit. */
export function formatLimits({ effective, set, configured }: LimitsStatus): string {
  return formatTable<LimitName>(LIMIT_NAMES, [
    { title: 'LIMIT', value: ({ name }) => name },
    { title: 'NOW', align: 'right', value: (limit) => optional(limitOf(effective, limit)) },
    { title: 'SET', align: 'right', value: (limit) => optional(limitOf(set, limit)) },
    { title: 'CONFIGURED', align: 'right', value: (limit) => optional(limitOf(configured, limit)) },
    { title: 'OF', value: ({ meaning }) => meaning },
  ])
}

function optional(limit: number | null | undefined): string {
  return limit === undefined ? '' : formatLimit(limit)
}
