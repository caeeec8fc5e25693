import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { seededRandom } from '@shoal/core'
import fc from 'fast-check'
import { UseLog } from '../src/use-log.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

suite('a log of uses', () => {
  test('uses count less as they get older, and none is ever impossible', () => {
    const log = new UseLog<string>()
    for (let use = 0; use < 10; use += 1) log.add('old', 0)
    for (let use = 0; use < 10; use += 1) log.add('new', 2 * DAY_MS)
    const [old, recent, never] = ['old', 'new', 'never'].map((key) => log.share(key, 2 * DAY_MS))
    assert.ok(old !== undefined && recent !== undefined && never !== undefined)
    assert.ok(never > 0 && never < old && old < recent, `${never} ${old} ${recent}`)
  })

  test('whatever was used when, the shares of all make a whole', () => {
    const use = fc.record({ key: fc.nat(20), afterMs: fc.oneof(fc.nat(HOUR_MS), fc.nat(12 * HOUR_MS)) })
    fc.assert(
      fc.property(fc.array(use, { maxLength: 100 }), (uses) => {
        const log = new UseLog<number>()
        let now = 0
        for (const { key, afterMs } of uses) {
          now += afterMs
          log.add(key, now)
        }
        const shares = Array.from({ length: 21 }, (_, key) => log.share(key, now))
        for (const share of shares) assert.ok(share > 0 && share <= 1, String(share))
        const known = new Set(uses.map(({ key }) => key))
        const whole = shares.reduce((sum, share, key) => sum + (known.has(key) ? share : 0), 0)
        assert.ok(whole <= 1 + 1e-9 && (known.size === 0 || whole > 0.3), String(whole))
      }),
    )
  })

  test('it can count for years: what went long ago is forgotten, what is there is not', () => {
    const log = new UseLog<string>()
    log.add('once', 0)
    for (let day = 1; day < 3000; day += 1) log.add(day % 4 === 0 ? 'seldom' : 'often', day * DAY_MS)
    const now = 3000 * DAY_MS
    assert.ok(log.share('often', now) > 0.5)
    assert.ok(log.share('seldom', now) > 0.1 && log.share('seldom', now) < 0.4)
    assert.equal(log.share('once', now), log.share('never', now))
  })

  test('goes on after a restart as if there had been none', () => {
    const random = seededRandom(2)
    let log = new UseLog<number>()
    let restarted = new UseLog<number>()
    for (let use = 0; use < 500; use += 1) {
      const [now, key] = [use * HOUR_MS, Math.floor(random() * 10)]
      log.add(key, now)
      restarted.add(key, now)
      if (use % 100 === 50) restarted = UseLog.restore(JSON.parse(JSON.stringify(restarted.snapshot())))
    }
    for (let key = 0; key < 10; key += 1) {
      const [share, other] = [log, restarted].map((one) => one.share(key, 500 * HOUR_MS))
      assert.ok(Math.abs((share ?? 0) - (other ?? 1)) < 1e-9, `${share} ${other}`)
    }
    log = UseLog.restore({ ...log.snapshot(), halfLivesMs: [1] })
    assert.equal(log.share(1, 0), new UseLog<number>().share(1, 0))
  })

  test('begins anew when what was stored is not a log', () => {
    const log = new UseLog<string>()
    log.add('one', 0)
    const good = log.snapshot()
    const bad: unknown[] = [
      ...[undefined, null, 'log', [], {}, { ...good, counts: undefined }, { ...good, trust: [2] }],
      { ...good, counts: [['one', [1]]] },
      { ...good, counts: [['one', [1, 2, -1]]] },
      { ...good, beganAt: '0' },
    ]
    for (const one of bad) assert.equal(UseLog.restore<string>(one).shares(0).size, 0)
    assert.deepEqual([...UseLog.restore<string>(good).shares(0).keys()], ['one'])
  })

  test('many uses at once count as many', () => {
    const [at, once] = [new UseLog<string>(), new UseLog<string>()]
    for (let use = 0; use < 5; use += 1) once.add('one', DAY_MS)
    at.add('one', DAY_MS, 5)
    for (const log of [at, once]) log.add('other', 2 * DAY_MS)
    const [share, other] = [at, once].map((log) => log.share('other', 2 * DAY_MS))
    assert.ok(Math.abs((share ?? 0) - (other ?? 1)) < 0.05, `${share} ${other}`)
    assert.deepEqual(
      [...at.shares(2 * DAY_MS)],
      ['one', 'other'].map((key) => [key, at.share(key, 2 * DAY_MS)]),
    )
  })

  test('it remembers no more than so many, and those that are used most', () => {
    const log = new UseLog<number>()
    for (let key = 0; key < 10; key += 1) log.add(key, 0, 20)
    for (let key = 10; key < 40_000; key += 1) log.add(key, key)
    assert.ok(log.shares(40_000).size <= 12_500)
    const { counts } = log.snapshot()
    assert.ok(counts.length <= 10_000)
    const keys = new Set(counts.map(([key]) => key))
    for (let key = 0; key < 10; key += 1) assert.ok(keys.has(key), String(key))
    const whole = [...log.shares(40_000).values()].reduce((sum, share) => sum + share, 0)
    assert.ok(whole > 0.9 && whole <= 1 + 1e-9, String(whole))
  })

  test('a clock that is set back does no harm', () => {
    const log = new UseLog<string>()
    log.add('one', 10 * DAY_MS)
    log.add('other', 0)
    assert.equal(log.share('one', DAY_MS), log.share('other', 0))
  })

  test('what does not change is told from much, however the last uses were', () => {
    const random = seededRandom(1)
    const log = new UseLog<number>()
    const off: number[] = []
    for (let use = 0; use < 3000; use += 1) {
      const now = (use * HOUR_MS) / 4
      if (use > 2000) off.push(Math.abs(log.share(0, now) - 0.5))
      log.add(random() < 0.5 ? 0 : 1 + Math.floor(random() * 10), now)
    }
    assert.ok(Math.max(...off) < 0.15, String(Math.max(...off)))
  })

  test('what comes in bursts is told from the last uses', () => {
    const log = new UseLog<number>()
    for (let use = 0; use < 3000; use += 1) {
      const [now, key] = [(use * HOUR_MS) / 4, Math.floor(use / 100) % 10]
      if (use > 1000 && use % 100 > 75) assert.ok(log.share(key, now) > 0.6, `${log.share(key, now)} at ${use}`)
      log.add(key, now)
    }
  })
})
