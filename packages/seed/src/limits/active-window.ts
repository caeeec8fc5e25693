import { DAYS, type LimitsWindow } from '@shoal/api'
import { ZoneTime } from './zone-time.ts'

export interface ActiveWindow {
  /** The one that holds; null: none does. */
  readonly window: LimitsWindow | null
  /** When another holds, or none. Milliseconds since the epoch; null: not within two weeks. */
  readonly untilMs: number | null
}

interface Span {
  readonly startMs: number
  readonly endMs: number
}

const DAY_MS = 86_400_000
/** A window that began earlier is over, even where a zone left out a whole day. */
const DAYS_BACK = 2
/** Windows repeat every week; one week of them may be empty, when clocks are set forward over it. */
const LOOK_AHEAD_MS = 14 * DAY_MS
const DAYS_AHEAD = 16

/**
 * The first window of a schedule that holds at a time, and until when. A window begins and ends once a day on which it
 * begins, however clocks are set meanwhile: when they first show its time, or have passed it.
 */
export function activeWindow(windows: readonly LimitsWindow[], nowMs: number): ActiveWindow {
  const zones = new Map(windows.map(({ timeZone }) => [timeZone, new ZoneTime(timeZone)]))
  const spans = windows.map((window) => {
    const zone = zones.get(window.timeZone)
    return { window, spans: zone === undefined ? [] : spansOf(window, zone, nowMs) }
  })
  const holderAt = (ms: number) =>
    spans.find((of) => of.spans.some(({ startMs, endMs }) => startMs <= ms && ms < endMs))?.window ?? null
  const window = holderAt(nowMs)
  const turns = spans.flatMap((of) => of.spans.flatMap(({ startMs, endMs }) => [startMs, endMs]))
  const ahead = [...new Set(turns)].filter((ms) => ms > nowMs && ms <= nowMs + LOOK_AHEAD_MS).sort((a, b) => a - b)
  return { window, untilMs: ahead.find((ms) => holderAt(ms) !== window) ?? null }
}

/** When a window holds, around a time. */
function spansOf({ days = [...DAYS], from, to }: LimitsWindow, zone: ZoneTime, nowMs: number): Span[] {
  const today = Math.floor(zone.localAt(nowMs) / DAY_MS) * DAY_MS
  const [fromMs, toMs] = [timeOfDay(from), timeOfDay(to)]
  const lengthMs = toMs > fromMs ? toMs - fromMs : toMs + DAY_MS - fromMs
  const spans: Span[] = []
  for (let day = today - DAYS_BACK * DAY_MS; day <= today + DAYS_AHEAD * DAY_MS; day += DAY_MS) {
    if (!days.includes(dayOfWeek(day))) continue
    const start = day + fromMs
    spans.push({ startMs: zone.firstInstant(start), endMs: zone.firstInstant(start + lengthMs) })
  }
  return spans
}

function dayOfWeek(localMs: number): (typeof DAYS)[number] {
  // The days of Date begin with Sunday.
  return DAYS[(new Date(localMs).getUTCDay() + 6) % 7] ?? 'mon'
}

/** Milliseconds from midnight to HH:MM. */
function timeOfDay(text: string): number {
  const [hours = 0, minutes = 0] = text.split(':').map(Number)
  return (hours * 60 + minutes) * 60_000
}
