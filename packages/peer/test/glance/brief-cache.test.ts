import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@shoal/core'
import { BriefCache } from '../../src/glance/brief-cache.ts'

test('a value holds for its time and no longer, whatever is done to the clock', () => {
  const clock = new ManualClock(1000)
  const cache = new BriefCache<number>(clock, { keepMs: 100, limit: 10 })
  cache.set('a', 1)
  clock.advance(99)
  equal(cache.get('a'), 1)
  clock.advance(1)
  equal(cache.get('a'), undefined)
  cache.set('b', 2)
  clock.advance(-500)
  equal(cache.get('b'), undefined)
})

test('the oldest makes room, and nothing is kept for no time', () => {
  const clock = new ManualClock()
  const cache = new BriefCache<number>(clock, { keepMs: 100, limit: 2 })
  for (const [key, value] of [
    ['a', 1],
    ['b', 2],
    ['a', 3],
    ['c', 4],
  ] as const)
    cache.set(key, value)
  equal(cache.size, 2)
  equal(cache.get('b'), undefined)
  equal(cache.get('a'), 3)
  const none = new BriefCache<number>(clock, { keepMs: 0, limit: 2 })
  none.set('a', 1)
  equal(none.get('a'), undefined)
})
