import type { LimitsOverride, LimitsScheduleStatus, LimitsWindow } from '@shoal/api'
import { formatDuration } from '../format/duration.ts'
import { type Column, formatTable } from '../format/table.ts'
import { formatDays } from './days.ts'
import { LIMIT_NAMES, limitOf } from './limit-names.ts'
import { formatLimit } from './rate.ts'

const columns = (active: string | null): readonly Column<LimitsWindow>[] => [
  { title: 'WINDOW', value: ({ name }) => name },
  { title: 'NOW', value: ({ name }) => (name === active ? 'holds' : '') },
  { title: 'DAYS', value: ({ days }) => formatDays(days) },
  { title: 'FROM', value: ({ from }) => from },
  { title: 'TO', value: ({ to }) => to },
  { title: 'TIME ZONE', value: ({ timeZone }) => timeZone },
  { title: 'LIMITS', value: ({ limits }) => formatOverride(limits) },
]

/** The windows of a schedule in their order, and which holds until when. */
export function formatSchedule({ windows, active, nextChangeAt }: LimitsScheduleStatus, now: number): string {
  if (windows.length === 0) return 'There is no schedule of limits.'
  const line = formatTurn({ window: active, nextChangeAt }, now)
  return `${formatTable(windows, columns(active))}\n\n${line}`
}

/** Which window holds, and until when. */
export function formatTurn(
  { window, nextChangeAt }: { window: string | null; nextChangeAt: string | null },
  now: number,
): string {
  const what = window === null ? 'No window of the schedule holds now' : `Window ${window} of the schedule holds now`
  if (nextChangeAt === null) return `${what}.`
  return `${what}, until ${nextChangeAt} (in ${formatDuration(Math.max(0, Date.parse(nextChangeAt) - now))}).`
}

function formatOverride(limits: LimitsOverride): string {
  const parts = LIMIT_NAMES.flatMap((limit) => {
    const rate = limitOf(limits, limit)
    return rate === undefined ? [] : [`${limit.name} ${formatLimit(rate)}`]
  })
  return parts.length === 0 ? 'as configured' : parts.join(', ')
}
