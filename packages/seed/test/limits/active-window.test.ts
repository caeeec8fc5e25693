import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DAYS, type LimitsWindow } from '@shoal/api'
import fc from 'fast-check'
import { activeWindow } from '../../src/limits/active-window.ts'

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000

const window = (change: Partial<LimitsWindow> = {}): LimitsWindow => {
  return { name: 'night', from: '22:00', to: '06:00', timeZone: 'Europe/Berlin', limits: {}, ...change }
}

/** Name of the window that holds at a time, and until when. */
function at(time: string, ...windows: LimitsWindow[]): [string | null, string | null] {
  const { window, untilMs } = activeWindow(windows, Date.parse(time))
  return [window?.name ?? null, untilMs === null ? null : new Date(untilMs).toISOString().replace(':00.000Z', 'Z')]
}

describe('the window of a schedule that holds', () => {
  test('without windows there is none, ever', () => {
    assert.deepEqual(at('2026-06-01T00:00Z'), [null, null])
  })

  test('it goes over midnight, in the time of its zone, to the minute', () => {
    assert.deepEqual(at('2026-06-10T19:59:59.999Z', window()), [null, '2026-06-10T20:00Z'])
    assert.deepEqual(at('2026-06-10T20:00Z', window()), ['night', '2026-06-11T04:00Z'])
    assert.deepEqual(at('2026-06-11T03:59:59.999Z', window()), ['night', '2026-06-11T04:00Z'])
    assert.deepEqual(at('2026-06-11T04:00Z', window()), [null, '2026-06-11T20:00Z'])
    assert.deepEqual(at('2026-01-10T20:00Z', window()), [null, '2026-01-10T21:00Z'])
  })

  test('its days are those on which it begins', () => {
    const friday = window({ days: ['fri'] })
    assert.deepEqual(at('2026-06-12T03:00Z', friday), [null, '2026-06-12T20:00Z'])
    assert.deepEqual(at('2026-06-13T03:00Z', friday), ['night', '2026-06-13T04:00Z'])
    assert.deepEqual(at('2026-06-13T20:00Z', friday), [null, '2026-06-19T20:00Z'])
    const weekend = window({ days: ['sat', 'sun'], from: '00:00', to: '00:00' })
    assert.deepEqual(at('2026-06-13T12:00Z', weekend), ['night', '2026-06-14T22:00Z'])
    assert.deepEqual(at('2026-06-14T22:00Z', weekend), [null, '2026-06-19T22:00Z'])
  })

  test('of those that hold at once the first does', () => {
    const sunday = window({ name: 'sunday', days: ['sun'], from: '00:00', to: '00:00' })
    assert.deepEqual(at('2026-06-13T20:00Z', sunday, window()), ['night', '2026-06-13T22:00Z'])
    assert.deepEqual(at('2026-06-13T22:00Z', sunday, window()), ['sunday', '2026-06-14T22:00Z'])
    assert.deepEqual(at('2026-06-13T20:00Z', window(), sunday), ['night', '2026-06-14T04:00Z'])
    const always = window({ name: 'always', from: '05:00', to: '05:00', timeZone: 'UTC' })
    assert.deepEqual(at('2026-06-13T20:00Z', always, window()), ['always', null])
  })

  test('a time that clocks leave out begins when they are set forward', () => {
    const gap = window({ from: '02:30', to: '04:00' })
    assert.deepEqual(at('2026-03-29T00:00Z', gap), [null, '2026-03-29T01:00Z'])
    assert.deepEqual(at('2026-03-29T01:00Z', gap), ['night', '2026-03-29T02:00Z'])
    // It is left out altogether: neither does it hold, nor is the wait for it over.
    const lost = window({ days: ['sun'], from: '02:10', to: '02:50' })
    assert.deepEqual(at('2026-03-29T00:59Z', lost), [null, '2026-04-05T00:10Z'])
    assert.deepEqual(at('2026-03-29T01:00Z', lost), [null, '2026-04-05T00:10Z'])
    const newYork = window({ from: '02:30', to: '04:00', timeZone: 'America/New_York' })
    assert.deepEqual(at('2026-03-08T06:59Z', newYork), [null, '2026-03-08T07:00Z'])
    assert.deepEqual(at('2026-03-08T07:00Z', newYork), ['night', '2026-03-08T08:00Z'])
  })

  test('a time that clocks show twice counts when they first do', () => {
    const half = window({ from: '01:00', to: '02:30' })
    assert.deepEqual(at('2026-10-25T00:29Z', half), ['night', '2026-10-25T00:30Z'])
    assert.deepEqual(at('2026-10-25T01:15Z', half), [null, '2026-10-26T00:00Z'])
    const twice = window({ from: '01:30', to: '02:30', timeZone: 'America/New_York' })
    assert.deepEqual(at('2026-11-01T05:30Z', twice), ['night', '2026-11-01T07:30Z'])
  })

  test('a day that a zone left out has no window of its own', () => {
    // Samoa went over the date line at the end of 29 December 2011: there was no Friday 30 that year.
    const friday = window({ days: ['fri'], from: '08:00', to: '18:00', timeZone: 'Pacific/Apia' })
    assert.deepEqual(at('2011-12-30T09:59Z', friday), [null, '2012-01-05T18:00Z'])
    const every = window({ from: '08:00', to: '18:00', timeZone: 'Pacific/Apia' })
    assert.deepEqual(at('2011-12-30T09:59Z', every), [null, '2011-12-30T18:00Z'])
  })
})

/** Beginnings of days around each change of the clocks of one year, and one far from it. */
const CHANGES = ['2026-03-08', '2026-03-29', '2026-10-25', '2026-11-01', '2027-03-14', '2026-06-30', '2026-12-31']
const minutes = fc.integer({ min: 0, max: 24 * 60 - 1 })
const hhmm = minutes.map(
  (minute) => `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`,
)
const zones = fc.constantFrom('Europe/Berlin', 'America/New_York', 'UTC', 'Australia/Lord_Howe')
const anyWindow = fc.record({
  name: fc.constantFrom('a', 'b', 'c'),
  days: fc.subarray([...DAYS], { minLength: 1 }),
  from: hhmm,
  to: hhmm,
  timeZone: zones,
  limits: fc.constant({}),
})
const anyTime = fc
  .tuple(fc.constantFrom(...CHANGES), fc.integer({ min: -2 * DAY_MS, max: 3 * DAY_MS }))
  .map(([day, offset]) => Date.parse(`${day}T00:00Z`) + offset)

/** What the clocks of a zone show, by another way than the code under test goes: `2026-03-29 02:30`, which sorts by time. */
const formats = new Map<string, Intl.DateTimeFormat>()
function wallClock(timeZone: string, ms: number): string {
  let format = formats.get(timeZone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' })
    formats.set(timeZone, format)
  }
  return format.format(ms)
}

const dayAfter = (day: string, count: number) =>
  new Date(Date.parse(`${day}T00:00Z`) + count * DAY_MS).toISOString().slice(0, 10)

/**
 * Whether a window holds, from what it is to mean alone: its clocks have shown the time at which it begins, or a later
 * one, and have not yet shown that at which it ends, nor a later one.
 */
function holds({ days = [...DAYS], from, to, timeZone }: LimitsWindow, ms: number): boolean {
  // Clocks are set back by an hour at the most, so what they have shown is what they show now or did within an hour.
  let shown = ''
  for (let back = 0; back <= HOUR_MS; back += MINUTE_MS) {
    const text = wallClock(timeZone, ms - back)
    if (text > shown) shown = text
  }
  const today = shown.slice(0, 10)
  return [-2, -1, 0].some((offset) => {
    const day = dayAfter(today, offset)
    const name = DAYS[(new Date(`${day}T00:00Z`).getUTCDay() + 6) % 7]
    if (name === undefined || !days.includes(name)) return false
    const end = to > from ? `${day} ${to}` : `${dayAfter(day, 1)} ${to}`
    return shown >= `${day} ${from}` && shown < end
  })
}

test('over every change of the clocks, what holds is the first window whose time has come and not gone', () => {
  fc.assert(
    fc.property(fc.array(anyWindow, { maxLength: 4 }), anyTime, (windows, now) => {
      const expected = windows.find((one) => holds(one, now)) ?? null
      assert.equal(activeWindow(windows, now).window, expected)
    }),
    { numRuns: 300 },
  )
})

test('what holds stays the same until the time that is told, and is another then', () => {
  fc.assert(
    fc.property(
      fc.array(anyWindow, { minLength: 1, maxLength: 3 }),
      anyTime,
      fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 4, maxLength: 4 }),
      (windows, now, shares) => {
        const { window, untilMs } = activeWindow(windows, now)
        const end = untilMs ?? now + 14 * DAY_MS
        assert.ok(end > now)
        for (const share of shares) {
          const between = now + Math.floor((end - now) * share)
          assert.equal(activeWindow(windows, between).window, window)
          if (untilMs !== null) assert.equal(activeWindow(windows, between).untilMs, untilMs)
        }
        assert.equal(activeWindow(windows, end - 1).window, window)
        if (untilMs !== null) assert.notEqual(activeWindow(windows, untilMs).window, window)
      },
    ),
    { numRuns: 200 },
  )
})
