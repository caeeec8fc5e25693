import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UseHistory } from '../src/use-history.ts'
import { digestOf } from './memory-stock.ts'

const HOUR_MS = 3_600_000

test('uses count less as they get older, and are remembered when the layer is gone', () => {
  const history = new UseHistory()
  for (let use = 0; use < 10; use += 1) history.used(digestOf(1), 0)
  history.evicted(digestOf(1), 3)
  for (let use = 0; use < 6; use += 1) history.used(digestOf(2), 48 * HOUR_MS)
  const [old, recent] = [1, 2].map((index) => history.entry(digestOf(index), 48 * HOUR_MS))
  assert.ok(old !== undefined && recent !== undefined)
  assert.ok(old.ownShare > 0.1 && old.ownShare < recent.ownShare)
  assert.equal(old.uses, 0)
  assert.deepEqual([history.facts().inflation, history.facts().misses], [3, 2])
})

test('whoever foretells the uses of this node better is trusted', () => {
  const history = new UseHistory()
  const shares = new Map([1, 2, 3, 4].map((index) => [digestOf(index), 0.25]))
  history.setClusterShares(shares)
  // Ever new ones, all of which the cluster knows.
  for (let index = 0; index < 300; index += 1) {
    shares.set(digestOf(100 + index), 0.05)
    history.used(digestOf(100 + index), index * 1000)
  }
  assert.ok(history.facts().clusterWeight > 0.8, String(history.facts().clusterWeight))
  // Always the same, which the cluster does not know.
  for (let use = 0; use < 300; use += 1) history.used(digestOf(7), 300_000 + use * 1000)
  assert.ok(history.facts().clusterWeight < 0.3, String(history.facts().clusterWeight))
})
