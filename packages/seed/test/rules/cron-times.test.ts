import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CronTimes } from '../../src/rules/cron-times.ts'

const iso = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).toISOString())

/** The next times after one. */
function following(cron: string, after: string, count: number, timeZone = 'Europe/Berlin'): string[] {
  const times = new CronTimes(cron, timeZone)
  const found: string[] = []
  for (let at = times.next(Date.parse(after)); found.length < count && at !== undefined; at = times.next(at)) {
    found.push(new Date(at).toISOString().replace(':00.000Z', ''))
  }
  return found
}

describe('the times of a cron expression', () => {
  it('are those of the clock on the wall, in summer and in winter', () => {
    assert.deepEqual(following('0 2 * * *', '2026-01-15T00:00:00Z', 2), ['2026-01-15T01:00', '2026-01-16T01:00'])
    assert.deepEqual(following('0 2 * * *', '2026-07-14T12:00:00Z', 2), ['2026-07-15T00:00', '2026-07-16T00:00'])
    assert.deepEqual(following('0 2 * * MON#1', '2026-01-15T00:00:00Z', 1, 'Asia/Kolkata'), ['2026-02-01T20:30'])
  })

  it('come right after the leap when the clock leaps over them, and then as ever', () => {
    const times = ['2026-03-28T01:30', '2026-03-29T01:00', '2026-03-30T00:30']
    assert.deepEqual(following('30 2 * * *', '2026-03-28T00:00:00Z', 3), times)
  })

  it('come once a night when the clock shows them twice', () => {
    const times = ['2026-10-24T00:30', '2026-10-25T00:30', '2026-10-26T01:30']
    assert.deepEqual(following('30 2 * * *', '2026-10-24T00:00:00Z', 3), times)
  })

  it('go on through the hour that comes twice when they come all day', () => {
    const times = ['2026-10-25T00:30', '2026-10-25T01:00', '2026-10-25T01:30', '2026-10-25T02:00']
    assert.deepEqual(following('*/30 * * * *', '2026-10-25T00:00:00Z', 4), times)
  })

  it('may have seconds', () => {
    assert.equal(iso(new CronTimes('15 0 2 * * *', 'UTC').next(0)), '1970-01-01T02:00:15.000Z')
  })

  it('are due when they have come, the last of them alone, and no more after a day', () => {
    const times = new CronTimes('0 2 * * *', 'UTC')
    const due = (after: string, now: string) => iso(times.due(Date.parse(after), Date.parse(now)))
    assert.equal(due('2026-01-05T00:00:00Z', '2026-01-05T01:59:59.999Z'), undefined)
    assert.equal(due('2026-01-05T00:00:00Z', '2026-01-05T02:00:00.000Z'), '2026-01-05T02:00:00.000Z')
    assert.equal(due('2026-01-05T02:00:00Z', '2026-01-05T02:00:00.001Z'), undefined)
    assert.equal(due('2026-01-01T02:00:00Z', '2026-01-05T12:00:00.000Z'), '2026-01-05T02:00:00.000Z')
    const yearly = new CronTimes('0 2 1 1 *', 'UTC')
    const dueYearly = (now: string) => iso(yearly.due(Date.parse('2025-06-01T00:00:00Z'), Date.parse(now)))
    assert.equal(dueYearly('2026-01-02T01:59:59Z'), '2026-01-01T02:00:00.000Z')
    assert.equal(dueYearly('2026-01-02T02:00:00Z'), undefined)
  })
})

describe('a cron expression is refused', () => {
  const refused: Readonly<Record<string, readonly string[]>> = {
    'when it is none': ['', 'hello', '0 2 * *', '61 * * * *', '0 2 * * XYZ', 'L * * * *'],
    'when it is something else that croner takes': ['@daily', '2030-01-01T00:00:00', '0 0 2 * * * 2030'],
    'when it comes more than once a minute': [
      ...['* * * * * *', '*/30 * * * * *', '0,30 0 2 * * *', '59,0 * * * * *', '0-1 0 0 29 2 *'],
    ],
    'when it never comes': ['0 2 30 2 *', '0 0 31 4 *'],
  }
  for (const [when, expressions] of Object.entries(refused)) {
    it(when, () => {
      for (const cron of expressions) {
        assert.throws(() => new CronTimes(cron, 'UTC'), { code: 'SHOAL_RULE_CRON' }, cron)
      }
    })
  }

  it('in a zone that there is not', () => {
    for (const zone of ['', 'Nowhere', 'Europe/Atlantis', 'Europe/Berlin ']) {
      assert.throws(() => new CronTimes('0 2 * * *', zone), { code: 'SHOAL_RULE_TIME_ZONE' }, zone)
    }
  })

  it('but not when it comes every minute, or seldom', () => {
    for (const cron of ['* * * * *', '30 * * * * *', '05,5 * * * * *', '0 0 29 2 *', '  0  2 * * *  ', '0 2 L * *']) {
      assert.doesNotThrow(() => new CronTimes(cron, 'America/New_York'), cron)
    }
  })
})
