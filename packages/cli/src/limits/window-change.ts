import type { LimitsChange, LimitsWindow, ScheduledLimits } from '@shoal/api'
import { parseDays } from './days.ts'

/** What one command says of a window. */
export interface WindowChange {
  readonly days?: LimitsWindow['days'] | undefined
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly timeZone?: string | undefined
  readonly limits: LimitsChange
  /** Before all others. */
  readonly isFirst: boolean
}

/** Whose clocks a new window goes by when nothing else is said. */
export const DEFAULT_TIME_ZONE = 'UTC'

/** Reads days and times; adds what is wrong with them to the faults. */
export function readTimes(
  { days, from, to }: { days?: string | undefined; from?: string | undefined; to?: string | undefined },
  faults: string[],
): Pick<WindowChange, 'days' | 'from' | 'to'> {
  const parsed = days === undefined ? { days } : parseDays(days)
  if ('reason' in parsed) faults.push(`--days: ${parsed.reason}`)
  return {
    days: 'reason' in parsed ? undefined : parsed.days,
    from: readClock('from', from, faults),
    to: readClock('to', to, faults),
  }
}

/** The schedule with one window changed, or a new one at its end. What is not said stays as it is. */
export function changedWindows(
  windows: readonly LimitsWindow[],
  name: string,
  { isFirst, limits, ...times }: WindowChange,
): { windows: LimitsWindow[] } | { reason: string } {
  const before = windows.find((window) => window.name === name)
  const { from = before?.from, to = before?.to, days = before?.days } = times
  if (from === undefined || to === undefined) {
    return { reason: `${name} is a new window: say when it begins and ends, with --from 22:00 --to 06:00.` }
  }
  const changed: LimitsWindow = {
    ...{ name, from, to, timeZone: times.timeZone ?? before?.timeZone ?? DEFAULT_TIME_ZONE },
    ...(days === undefined ? {} : { days }),
    limits: changedLimits(before?.limits ?? {}, limits),
  }
  const others = windows.filter((window) => window.name !== name)
  if (isFirst) return { windows: [changed, ...others] }
  if (before === undefined) return { windows: [...others, changed] }
  return { windows: windows.map((window) => (window === before ? changed : window)) }
}

type Rates = Readonly<Record<string, number | null | 'configured'>>

function changedLimits(
  { node: nodeBefore, ...before }: ScheduledLimits,
  { node, ...change }: LimitsChange,
): ScheduledLimits {
  const nodeNow = withoutConfigured({ ...nodeBefore, ...node })
  const now = withoutConfigured({ ...before, ...change })
  return Object.keys(nodeNow).length === 0 ? now : { ...now, node: nodeNow }
}

function withoutConfigured(rates: Rates): Record<string, number | null> {
  return Object.fromEntries(
    Object.entries(rates).flatMap(([name, rate]) => (rate === 'configured' ? [] : [[name, rate] as const])),
  )
}

/** `6:00` is 06:00, and 24:00 is when the next day begins. */
function readClock(option: string, text: string | undefined, faults: string[]): string | undefined {
  if (text === undefined) return undefined
  const [, hours = '', minutes = ''] = /^(\d{1,2}):([0-5]\d)$/.exec(text.trim()) ?? []
  const isTime = hours !== '' && (Number(hours) < 24 || (Number(hours) === 24 && minutes === '00'))
  if (!isTime) faults.push(`--${option}: "${text}" is no time of the day: write 22:00, for example.`)
  return `${String(Number(hours) % 24).padStart(2, '0')}:${minutes}`
}
