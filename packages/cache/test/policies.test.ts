import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CacheEntry, CacheFacts } from '../src/cache-entry.ts'
import { AGE_LIMIT_MS } from '../src/policies/age.ts'
import { findPolicy, POLICY_NAMES, type PolicyName, parsePolicyName } from '../src/policies.ts'
import { heldLayer } from './held-layers.ts'

const FACTS = { nowMs: 10 * AGE_LIMIT_MS, misses: 10, inflation: 0, clusterWeight: 0.5 }

function value(name: PolicyName, entry: Partial<CacheEntry>, facts: Partial<CacheFacts> = {}): number {
  return findPolicy(name)({ ...heldLayer(5), ...entry }, { ...FACTS, ...facts })
}

test('there is a policy of each name, the default first, and no other', () => {
  assert.deepEqual(POLICY_NAMES, ['worth', 'age', 'lru', 'lru-k', 'lfu', 'popularity', 'gdsf', 'survival', 'fifo'])
  assert.equal(parsePolicyName('lru'), 'lru')
  for (const name of ['arc', '', 'toString', '__proto__']) {
    assert.throws(() => findPolicy(name), { code: 'SHOAL_CACHE_POLICY_UNKNOWN', message: new RegExp(name) })
  }
})

test('what is less worth by a policy has the lower value', () => {
  const pairs: readonly (readonly [PolicyName, Partial<CacheEntry>, Partial<CacheEntry>])[] = [
    ['worth', { ownShare: 0.1 }, { ownShare: 0.2 }],
    ['age', { lastUsedAt: FACTS.nowMs - 2 }, { lastUsedAt: FACTS.nowMs - 1 }],
    ['lru', { lastUsedAt: 1 }, { lastUsedAt: 2 }],
    ['lru-k', { previousUsedAt: 1, lastUsedAt: 9 }, { previousUsedAt: 2, lastUsedAt: 3 }],
    ['lru-k', { previousUsedAt: null, lastUsedAt: 9 }, { previousUsedAt: 2, lastUsedAt: 3 }],
    ['lru-k', { previousUsedAt: null, lastUsedAt: 8 }, { previousUsedAt: null, lastUsedAt: 9 }],
    ['lfu', { ownShare: 0.1 }, { ownShare: 0.2 }],
    ['popularity', { clusterShare: 0.1 }, { clusterShare: 0.2 }],
    ['gdsf', { uses: 1 }, { uses: 2 }],
    ['gdsf', { uses: 2 }, { uses: 1, inflationAtUse: 100 }],
    ['survival', { uses: 1 }, { uses: 2 }],
    ['survival', { uses: 5, missesAtFetch: 1 }, { uses: 5, missesAtFetch: 2 }],
    ['fifo', { fetchedAt: 1 }, { fetchedAt: 2 }],
  ]
  for (const [name, less, more] of pairs) {
    assert.ok(value(name, less) < value(name, more), `${name}: ${JSON.stringify([less, more])}`)
  }
  assert.deepEqual(new Set(pairs.map(([name]) => name)), new Set(POLICY_NAMES))
})

test('what was not used for a day goes by age alone', () => {
  const lastUsedAt = 1_000_000
  assert.equal(value('age', { lastUsedAt }, { nowMs: lastUsedAt + AGE_LIMIT_MS - 1 }), lastUsedAt)
  assert.equal(value('age', { lastUsedAt }, { nowMs: lastUsedAt + AGE_LIMIT_MS }), Number.NEGATIVE_INFINITY)
  for (const name of POLICY_NAMES) assert.equal(Number.isFinite(value(name, { lastUsedAt: 0 })), name !== 'age', name)
})

test('a layer of which nothing has arrived, or that was never used, has a value', () => {
  for (const name of POLICY_NAMES) {
    assert.ok(!Number.isNaN(value(name, { sizeBytes: 0 })), name)
    assert.ok(!Number.isNaN(value(name, { sizeBytes: 0, uses: 0 })), name)
  }
})
