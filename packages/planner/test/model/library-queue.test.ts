import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LibraryQueue } from '../../src/model/library-queue.ts'

test('layers are read one after the other, each once', () => {
  const queue = new LibraryQueue(Float64Array.of(100, 0, 50))
  assert.deepEqual(
    [queue.isReady(0), queue.isReady(1), queue.secondsToNext(10)],
    [false, true, Number.POSITIVE_INFINITY],
  )
  for (const layer of [0, 1, 2, 0]) queue.want(layer)
  assert.equal(queue.secondsToNext(10), 10)
  queue.read(4, 10)
  assert.deepEqual([queue.isReady(0), queue.secondsToNext(10)], [false, 6])
  queue.read(6, 10)
  assert.deepEqual([queue.isReady(0), queue.isReady(2), queue.secondsToNext(10)], [true, false, 5])
  queue.read(5, 10)
  assert.deepEqual([queue.isReady(2), queue.readBytes, queue.secondsToNext(10)], [true, 150, Number.POSITIVE_INFINITY])
})

test('a library without a limit is read at once, and one that stands still never', () => {
  const queue = new LibraryQueue(Float64Array.of(100))
  queue.want(0)
  assert.equal(queue.secondsToNext(0), Number.POSITIVE_INFINITY)
  queue.read(1000, 0)
  assert.equal(queue.readBytes, 0)
  assert.equal(queue.secondsToNext(Number.POSITIVE_INFINITY), 0)
  queue.read(0, Number.POSITIVE_INFINITY)
  assert.deepEqual([queue.isReady(0), queue.readBytes], [true, 100])
})
