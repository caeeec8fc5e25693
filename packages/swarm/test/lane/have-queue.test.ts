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

test('with many lanes each of them waits longer, so that their writes do not add up', async () => {
  const clock = new ManualClock()
  const timer = new HaveTimer(clock)
  const sent: number[][] = []
  const queue = new HaveQueue(timer, (_channel, pieces) => sent.push([...pieces]))
  const others = Array.from({ length: 15 }, () => new HaveQueue(timer, () => {}))
  assert.deepEqual([timer.intervalMs(false), timer.intervalMs(true)], [80, 20])
  queue.add(0, 1)
  queue.add(0, 2)
  for (let waited = 0; waited < 60; waited += 20) {
    clock.advance(20)
    await turn()
  }
  assert.deepEqual(sent, [[1]])
  clock.advance(20)
  await turn()
  assert.deepEqual(sent, [[1], [2]])
  for (const other of others) other.close()
  others[0]?.close()
  assert.equal(timer.intervalMs(false), 20)
})

test('what is due goes out before its time when something else is written', () => {
  const sent: number[][] = []
  let isReady = true
  const queue = new HaveQueue(
    new HaveTimer(new ManualClock()),
    (_channel, pieces) => sent.push([...pieces]),
    () => isReady,
  )
  queue.add(0, 1)
  queue.add(0, 2)
  assert.equal(queue.flushNow(), true)
  assert.deepEqual(sent, [[1], [2]])
  isReady = false
  queue.add(0, 3)
  assert.equal(queue.flushNow(), false)
  assert.equal(sent.length, 2)
  queue.close()
})
