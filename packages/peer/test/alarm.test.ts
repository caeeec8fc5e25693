import { equal, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@shoal/core'
import { Alarm } from '../src/alarm.ts'
import { backOffMs, jittered } from '../src/back-off.ts'

test('a wait ends by the delay, by a ring, and at once when it rang before', async () => {
  const clock = new ManualClock()
  const alarm = new Alarm(clock)
  const { signal } = new AbortController()
  const slept = alarm.wait(1000, { signal })
  clock.advance(1000)
  await slept
  const rung = alarm.wait(1000, { signal })
  alarm.ring()
  await rung
  alarm.ring()
  await alarm.wait(1000, { signal })
  equal(clock.now(), 1000)
})

test('a ring counts once, and an abort ends the wait with its reason', async () => {
  const alarm = new Alarm(new ManualClock())
  const stop = new AbortController()
  alarm.ring()
  await alarm.wait(1000, stop)
  const waiting = alarm.wait(1000, stop)
  stop.abort(new Error('stop'))
  await rejects(waiting, { message: 'stop' })
})

test('the back-off doubles up to its bound and is never less than half of that', () => {
  const bounds = { firstMs: 1000, lastMs: 8000 }
  const longest = [1, 2, 3, 4, 5, 1000].map((failures) => backOffMs(failures, () => 1, bounds))
  equal(longest.join(), '1000,2000,4000,8000,8000,8000')
  equal(
    backOffMs(3, () => 0, bounds),
    2000,
  )
  equal(
    jittered(1000, () => 0.5),
    1000,
  )
})
