import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@shoal/core'
import { StorePause } from '../src/store-pause.ts'

/** How long the pause lasts that a failure begins now. */
function pauseMs(clock: ManualClock, pause: StorePause): number {
  assert.equal(pause.onFailure(), true)
  let ms = 0
  for (; pause.isPaused; ms += 100) clock.advance(100)
  return ms
}

test('one full disk fails many writes and is one failure', () => {
  const pause = new StorePause(new ManualClock())
  assert.equal(pause.isPaused, false)
  assert.equal(pause.onFailure(), true)
  assert.equal(pause.isPaused, true)
  assert.equal(pause.onFailure(), false)
})

test('the pause grows with each failure in a row, within bounds, and begins anew after a success', () => {
  const clock = new ManualClock()
  const pause = new StorePause(clock)
  const first = pauseMs(clock, pause)
  const second = pauseMs(clock, pause)
  assert.ok(first > 0 && second > first)
  for (let failure = 0; failure < 10; failure += 1) assert.ok(pauseMs(clock, pause) <= 120_000)
  pause.onSuccess()
  assert.equal(pauseMs(clock, pause), first)
})
