import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@shoal/core'
import { HaveQueue, HaveTimer } from '../../src/lane/have-queue.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('the first have goes out at once, the next together 20 ms later', async () => {
  const clock = new ManualClock()
  const timer = new HaveTimer(clock)
  const sent: [number, number[]][] = []
  const queue = new HaveQueue(timer, (channel, pieces) => sent.push([channel, [...pieces]]))
  queue.add(0, 1)
  assert.deepEqual(sent, [[0, [1]]])
  queue.add(0, 2)
  queue.add(1, 9)
  queue.add(1, 8)
  queue.add(0, 3)
  queue.add(2, 5)
  queue.forget(2)
  assert.equal(sent.length, 1)
  clock.advance(20)
  await turn()
  assert.deepEqual(sent.slice(1), [
    [0, [2, 3]],
    [1, [9, 8]],
  ])
  clock.advance(100)
  await turn()
  queue.add(0, 4)
  assert.deepEqual(sent.at(-1), [0, [4]])
})

test('one timer serves many lanes, and what is not ready waits', async () => {
  const clock = new ManualClock()
  const timer = new HaveTimer(clock)
  const sent: string[] = []
  let isReady = false
  const slow = new HaveQueue(
    timer,
    () => sent.push('slow'),
    () => isReady,
  )
  const quick = new HaveQueue(timer, () => sent.push('quick'))
  slow.add(0, 1)
  quick.add(0, 1)
  quick.add(0, 2)
  for (let n = 0; n < 3; n += 1) {
    clock.advance(20)
    await turn()
  }
  assert.deepEqual(sent, ['quick', 'quick'])
  isReady = true
  clock.advance(20)
  await turn()
  assert.deepEqual(sent, ['quick', 'quick', 'slow'])
  slow.add(0, 2)
  slow.close()
  clock.advance(20)
  await turn()
  assert.equal(sent.length, 3)
})
