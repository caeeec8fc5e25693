import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CacheEntry } from '../src/cache-entry.ts'
import { worth } from '../src/policies/worth.ts'
import { digestOf } from './memory-stock.ts'

const NOWHERE = { rack: 0, zone: 0, elsewhere: 0 }

function worthOf(change: Partial<CacheEntry>, clusterWeight = 0.5): number {
  const entry = {
    ...{ digest: digestOf(1), sizeBytes: 1000, fetchedAt: 0, lastUsedAt: 0, previousUsedAt: null, uses: 1 },
    ...{ ownShare: 0.1, clusterShare: 0.1, missesAtFetch: 0, inflationAtUse: 0, replicas: NOWHERE },
  }
  return worth({ ...entry, ...change }, { nowMs: 0, misses: 0, inflation: 0, clusterWeight })
}

test('what is used more is worth more, here or in the cluster, as either is trusted', () => {
  assert.ok(worthOf({ ownShare: 0.2 }) > worthOf({}))
  assert.ok(worthOf({ clusterShare: 0.2 }) > worthOf({}))
  const [here, there] = [{ ownShare: 0.3 }, { clusterShare: 0.3 }]
  assert.ok(worthOf(here, 0.1) > worthOf(there, 0.1))
  assert.ok(worthOf(here, 0.9) < worthOf(there, 0.9))
})

test('what is far away is worth more, and a last copy the most', () => {
  const values = [{ rack: 1 }, { zone: 1 }, { elsewhere: 1 }, {}].map((replicas) =>
    worthOf({ replicas: { ...NOWHERE, ...replicas } }),
  )
  assert.deepEqual(
    values,
    values.toSorted((one, other) => one - other),
  )
  assert.ok(worthOf({}) > worthOf({ replicas: { ...NOWHERE, rack: 1 } }))
})

test('a byte is worth the same in a large layer and in a small one', () => {
  assert.ok(Math.abs(worthOf({ sizeBytes: 10 }) / worthOf({ sizeBytes: 1_000_000 }) - 1) < 1e-9)
})
