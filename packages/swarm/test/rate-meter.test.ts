import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@shoal/core'
import { RateMeter } from '../src/rate-meter.ts'

test('the rate is the mean of the last five seconds', () => {
  const clock = new ManualClock(100_000)
  const meter = new RateMeter(clock)
  for (let second = 0; second < 5; second += 1) {
    if (second > 0) clock.advance(1000)
    meter.add(1000)
  }
  assert.equal(meter.rate(), 1000)
  clock.advance(2000)
  assert.equal(meter.rate(), 600)
  clock.advance(60_000)
  assert.equal(meter.rate(), 0)
  assert.equal(meter.totalBytes, 5000)
})
