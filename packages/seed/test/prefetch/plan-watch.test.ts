import assert from 'node:assert/strict'
import { it } from 'node:test'
import { ManualClock } from '@shoal/core'
import { PlanWatch } from '../../src/prefetch/plan-watch.ts'

const { signal } = new AbortController()

/** Whether a promise has settled by now. */
async function isDone(promise: Promise<unknown>): Promise<boolean> {
  const open = Symbol()
  await new Promise((resolve) => setImmediate(resolve))
  return (await Promise.race([promise, Promise.resolve(open)])) !== open
}

it('news of a plan wakes all who wait for that plan, and nobody else', async () => {
  const watch = new PlanWatch(new ManualClock())
  const first = watch.news('a', { timeoutMs: 1000, signal })
  const second = watch.news('a', { timeoutMs: 1000, signal })
  const other = watch.news('b', { timeoutMs: 1000, signal })
  watch.wake('none')
  assert.equal(await isDone(first), false)
  watch.wake('a')
  assert.equal(await isDone(first), true)
  assert.equal(await isDone(second), true)
  assert.equal(await isDone(other), false)
  watch.wake('b')
  assert.equal(await isDone(other), true)
})

it('one wait takes one piece of news, and the next one waits again', async () => {
  const watch = new PlanWatch(new ManualClock())
  const first = watch.news('a', { timeoutMs: 1000, signal })
  watch.wake('a')
  await first
  const second = watch.news('a', { timeoutMs: 1000, signal })
  assert.equal(await isDone(second), false)
  watch.wake('a')
  await second
})

it('without news it ends after its time, and not before', async () => {
  const clock = new ManualClock()
  const waiting = new PlanWatch(clock).news('a', { timeoutMs: 1000, signal })
  clock.advance(999)
  assert.equal(await isDone(waiting), false)
  clock.advance(1)
  assert.equal(await isDone(waiting), true)
})

it('ends when it is aborted, before or while it waits', async () => {
  const watch = new PlanWatch(new ManualClock())
  const stop = new AbortController()
  const waiting = watch.news('a', { timeoutMs: 1000, signal: stop.signal })
  assert.equal(await isDone(waiting), false)
  stop.abort(new Error('enough'))
  assert.equal(await isDone(waiting), true)
  await watch.news('a', { timeoutMs: 1000, signal: stop.signal })
})
