import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatBytes, formatShare } from '../src/format/quantity.ts'
import { formatAway, formatSeconds } from '../src/format/time.ts'

test('sizes have three digits and the unit that fits', () => {
  assert.deepEqual([0, 1023, 1024, 20 * 1024, 5.5 * 1024 ** 3].map(formatBytes), [
    '0 B',
    '1023 B',
    '1.00 KiB',
    '20.0 KiB',
    '5.50 GiB',
  ])
})

test('what is not quite all is not shown as all', () => {
  assert.deepEqual([0, 0.4217, 0.9999, 1].map(formatShare), ['0 %', '42 %', '99 %', '100 %'])
})

test('times are told in the units people use', () => {
  assert.deepEqual([0.25, 3.14, 59, 61, 119.6, 9.97, 3600, 180_000].map(formatSeconds), [
    '250 ms',
    '3.1 s',
    '59 s',
    '1 min 1 s',
    '2 min',
    '10 s',
    '1 h',
    '2 d 2 h',
  ])
  const now = Date.parse('2026-01-01T00:00:00Z')
  assert.equal(formatAway('2026-01-01T00:00:12Z', now), 'in 12 s')
  assert.equal(formatAway('2025-12-31T23:57:00Z', now), '3 min ago')
})
