import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, RateMeter } from '@shoal/core'

test('the rate is the mean of the last five seconds, or of less while there is no more', () => {
  const clock = new ManualClock(100_000)
  const meter = new RateMeter(clock)
  assert.equal(meter.bytesPerSecond(), 0)
  for (let second = 0; second < 10; second += 1) {
    meter.add(1000)
    clock.advance(1000)
    if (second === 1) assert.equal(meter.bytesPerSecond(), 1000)
  }
  assert.ok(Math.abs(meter.bytesPerSecond() - 1000) <= 250, String(meter.bytesPerSecond()))
  clock.advance(5000)
  assert.equal(meter.bytesPerSecond(), 0)
  assert.equal(meter.totalBytes, 10_000)
})
