import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, SourceRates } from '@shoal/core'

const times = (count: number, act: () => boolean) => Array.from({ length: count }, act).filter(Boolean).length

test('a source that floods is held to its share, and others go on', () => {
  const rates = new SourceRates(new ManualClock(), { perSource: 3, total: 5 })
  assert.equal(
    times(10, () => rates.take('a')),
    3,
  )
  assert.equal(
    times(10, () => rates.take('b')),
    2,
  )
})

test('the next second counts anew', () => {
  const clock = new ManualClock()
  const rates = new SourceRates(clock, { perSource: 1, total: 1 })
  assert.ok(rates.take('a'))
  clock.advance(999)
  assert.ok(!rates.take('a'))
  clock.advance(1)
  assert.ok(rates.take('a'))
})
