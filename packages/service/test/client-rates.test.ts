import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@shoal/core'
import { ClientRates } from '../src/client-rates.ts'
import { FailedSignIns } from '../src/failed-sign-ins.ts'

test('a client may do a burst, then as much as its rate gives; others are not held up by it', async () => {
  const clock = new ManualClock()
  const rates = new ClientRates(clock, { perSecond: 2, burst: 3 })
  assert.deepEqual(
    [1, 2, 3, 4].map(() => rates.take('a')),
    [0, 0, 0, 1],
  )
  assert.equal(rates.take('b'), 0)
  await clock.advance(1000)
  assert.deepEqual(
    [1, 2, 3].map(() => rates.take('a')),
    [0, 0, 1],
  )
})

test('the table stays bounded, and forgets those who were not seen for the longest', () => {
  const rates = new ClientRates(new ManualClock(), { perSecond: 1, burst: 1 })
  rates.take('first')
  for (let client = 0; client < 10_000; client += 1) rates.take(`client ${client}`)
  assert.equal(rates.size, 10_000)
  assert.equal(rates.wait('first'), 0)
  assert.equal(rates.wait('client 9999'), 1)
  for (let client = 0; client < 20_000; client += 1) rates.wait(`unknown ${client}`)
  assert.equal(rates.size, 10_000)
})

test('an address with twenty failures may fail once in ten seconds from then on', async () => {
  const clock = new ManualClock()
  const failures = new FailedSignIns(clock)
  for (let failure = 0; failure < 20; failure += 1) failures.note('10.0.0.1')
  const refused = { code: 'SHOAL_HTTP_FAILURES', details: { retryAfterSeconds: 10 } }
  assert.throws(() => failures.note('10.0.0.1'), refused)
  assert.throws(() => failures.check('10.0.0.1'), refused)
  failures.check('10.0.0.2')
  await clock.advance(10_000)
  failures.check('10.0.0.1')
  failures.note('10.0.0.1')
  assert.throws(() => failures.check('10.0.0.1'), { code: 'SHOAL_HTTP_FAILURES' })
})
