import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, RateMeter, steadyClock, systemClock } from '@shoal/core'

test('a clock that is set makes no time pass: who sleeps sleeps on, and ages stay', async () => {
  const clock = new ManualClock(1_700_000_000_000)
  const before = clock.elapsed()
  let isAwake = false
  const slept = clock.sleep(1000).then(() => {
    isAwake = true
  })
  clock.set(1_800_000_000_000)
  await Promise.resolve()
  assert.deepEqual([clock.now(), clock.elapsed(), isAwake], [1_800_000_000_000, before, false])
  clock.set(0)
  clock.advance(1000)
  await slept
  assert.deepEqual([clock.now(), clock.elapsed() - before], [1000, 1000])
})

test('a rate is that of the last seconds, whatever the clock is set to', () => {
  const clock = new ManualClock(1_700_000_000_000)
  const meter = new RateMeter(clock)
  meter.add(5000)
  clock.set(0)
  clock.advance(1000)
  meter.add(5000)
  clock.advance(1000)
  assert.equal(meter.bytesPerSecond(), 5000)
  clock.advance(10_000)
  assert.equal(meter.bytesPerSecond(), 0)
})

test('the real clocks tell elapsed time by the process', () => {
  const before = systemClock.elapsed()
  assert.ok(steadyClock.elapsed() >= before)
  assert.ok(before < 24 * 60 * 60 * 1000)
})
