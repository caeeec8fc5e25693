import type { LimitsStatus } from '@shoal/api'
import { formatTable } from '../format/table.ts'
import { LIMIT_NAMES, type LimitName, limitOf } from './limit-names.ts'
import { formatLimit } from './rate.ts'

/** What holds, what was set and what is configured, a line a limit. */
export function formatLimits({ effective, set, configured }: LimitsStatus): string {
  return formatTable<LimitName>(LIMIT_NAMES, [
    { title: 'LIMIT', value: ({ name }) => name },
    { title: 'NOW', align: 'right', value: (limit) => formatOptional(limitOf(effective, limit)) },
    { title: 'SET', align: 'right', value: (limit) => formatOptional(limitOf(set, limit)) },
    { title: 'CONFIGURED', align: 'right', value: (limit) => formatOptional(limitOf(configured, limit)) },
    { title: 'OF', value: ({ meaning }) => meaning },
  ])
}

/** A limit as people write it, and nothing for what is not known. */
export function formatOptional(limit: number | null | undefined): string {
  return limit === undefined ? '' : formatLimit(limit)
}
