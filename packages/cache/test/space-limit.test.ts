import assert from 'node:assert/strict'
import { test } from 'node:test'
import { limitBytes } from '../src/space-limit.ts'

const LIMIT = { maxBytes: null, maxShare: 1, minFreeBytes: 0, highWatermark: 0.9, lowWatermark: 0.8 }
const SPACE = { totalBytes: 1000, freeBytes: 600 }

test('the least of what is allowed, the share of the file system and what others leave is the limit', () => {
  assert.equal(limitBytes({ ...LIMIT, maxBytes: 300 }, 100, SPACE), 300)
  assert.equal(limitBytes({ ...LIMIT, maxShare: 0.25 }, 100, SPACE), 250)
  assert.equal(limitBytes({ ...LIMIT, minFreeBytes: 500 }, 100, SPACE), 200)
  assert.equal(limitBytes(LIMIT, 100, SPACE), 700)
})

test('it does not move with what the cache itself takes, and is never negative', () => {
  const limit = { ...LIMIT, minFreeBytes: 50 }
  assert.equal(limitBytes(limit, 100, SPACE), limitBytes(limit, 300, { totalBytes: 1000, freeBytes: 400 }))
  assert.equal(limitBytes({ ...LIMIT, minFreeBytes: 5000 }, 100, SPACE), 0)
})
