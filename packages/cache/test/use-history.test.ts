import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { UseHistory } from '../src/use-history.ts'
import { digestOf } from './memory-stock.ts'

const HOUR_MS = 3_600_000
const HIT = { sizeBytes: 100, bootBytes: 10, isHit: true, isBootHit: true }
const MISS = { sizeBytes: 100, bootBytes: 10, isHit: false, isBootHit: false }

suite('a history of uses', () => {
  test('counts uses less as they get older, and remembers them when the layer is gone', () => {
    const history = new UseHistory()
    for (let use = 0; use < 10; use += 1) history.used(digestOf(1), 0, HIT)
    history.evicted(digestOf(1), 3)
    for (let use = 0; use < 10; use += 1) history.used(digestOf(2), 48 * HOUR_MS, HIT)
    const [old, recent, never] = [1, 2, 3].map((index) => history.entry(digestOf(index), 48 * HOUR_MS).ownShare)
    assert.ok(old !== undefined && recent !== undefined && never !== undefined)
    assert.ok(never < old && old < recent, `${never} ${old} ${recent}`)
    assert.equal(history.entry(digestOf(1), 48 * HOUR_MS).uses, 0)
    assert.equal(history.facts().inflation, 3)
  })

  test('trusts whoever foretells the uses of this node better', () => {
    const history = new UseHistory()
    const others = [1, 2, 3, 4].map((index) => [digestOf(index), 0.1] as const)
    // Ever new ones, all of which the cluster knows.
    for (let index = 0; index < 300; index += 1) {
      history.setClusterShares(new Map([...others, [digestOf(100 + index), 0.2]]))
      history.used(digestOf(100 + index), index * 1000, HIT)
    }
    assert.ok(history.facts().clusterWeight > 0.8, String(history.facts().clusterWeight))
    // What the seed says nothing of tells nothing of the seed.
    const before = history.facts().clusterWeight
    for (let use = 0; use < 300; use += 1) history.used(digestOf(8), 300_000, MISS)
    assert.equal(history.facts().clusterWeight, before)
    // Always the same, which the cluster does not know.
    for (let use = 0; use < 300; use += 1) {
      history.setClusterShares(new Map([...others, [digestOf(7), 0.001]]))
      history.used(digestOf(7), 300_000 + use * 1000, HIT)
    }
    assert.ok(history.facts().clusterWeight < 0.3, String(history.facts().clusterWeight))
  })

  test('trusts nobody more when the seed knows of no uses', () => {
    const history = new UseHistory()
    history.setClusterShares(new Map([1, 2].map((index) => [digestOf(index), 0])))
    history.used(digestOf(1), 0, HIT)
    assert.equal(history.facts().clusterWeight, new UseHistory().facts().clusterWeight)
  })

  test('counts what was there and what was not, in layers, bytes and bytes that a boot reads', () => {
    const history = new UseHistory()
    history.used(digestOf(1), 1, MISS)
    history.used(digestOf(1), 2, { ...MISS, isBootHit: true })
    history.used(digestOf(1), 3, HIT)
    history.used(digestOf(2), 4, { ...HIT, sizeBytes: 7, bootBytes: 0 })
    assert.deepEqual(history.requests, { hits: 2, misses: 2 })
    assert.deepEqual(history.bytes, { hits: 107, misses: 200 })
    assert.deepEqual(history.bootBytes, { hits: 20, misses: 10 })
    assert.equal(history.facts().misses, 2)
  })

  test('takes a use of what it knows for a hit when nobody says more', () => {
    const history = new UseHistory()
    for (let use = 0; use < 3; use += 1) history.used(digestOf(1), use)
    assert.deepEqual(history.requests, { hits: 2, misses: 1 })
  })

  test('takes what was fetched ahead of need for new, and not for used', () => {
    const history = new UseHistory()
    history.arrived(digestOf(1), 500)
    history.arrived(digestOf(1), 900)
    const fetched = history.entry(digestOf(1), 1000)
    assert.deepEqual([fetched.fetchedAt, fetched.lastUsedAt, fetched.previousUsedAt, fetched.uses], [500, 500, null, 0])
    history.used(digestOf(1), 1000, HIT)
    const used = history.entry(digestOf(1), 1000)
    assert.deepEqual([used.fetchedAt, used.lastUsedAt, used.previousUsedAt, used.uses], [500, 1000, null, 1])
  })

  test('knows a layer of which a part stayed, and when it was fetched again', () => {
    const history = new UseHistory()
    history.used(digestOf(1), 100, MISS)
    history.evicted(digestOf(1), 5, 10)
    assert.equal(history.entry(digestOf(1), 200).lastUsedAt, 100)
    history.used(digestOf(1), 300, { ...MISS, isBootHit: true })
    const { fetchedAt, lastUsedAt, previousUsedAt, uses, missesAtFetch } = history.entry(digestOf(1), 300)
    assert.deepEqual([fetchedAt, lastUsedAt, previousUsedAt, uses, missesAtFetch], [300, 300, 100, 2, 2])
  })
})

suite('a stored history', () => {
  function lived(): UseHistory {
    const history = new UseHistory()
    for (let use = 0; use < 200; use += 1) {
      history.used(digestOf(use % 7), use * HOUR_MS, use % 3 === 0 ? MISS : HIT)
      if (use % 20 === 0) history.evicted(digestOf(use % 7), use)
    }
    history.arrived(digestOf(50), 5)
    return history
  }

  test('goes on after a restart as if there had been none', () => {
    const history = lived()
    const restored = UseHistory.restore(JSON.parse(JSON.stringify(history.snapshot())))
    assert.deepEqual(restored.facts(), history.facts())
    assert.deepEqual(
      [restored.requests, restored.bytes, restored.bootBytes],
      [history.requests, history.bytes, history.bootBytes],
    )
    const now = 300 * HOUR_MS
    for (const index of [0, 1, 2, 3, 4, 5, 6, 50, 51]) {
      const [one, other] = [restored, history].map((each) => each.entry(digestOf(index), now))
      assert.ok(Math.abs((one?.ownShare ?? 0) - (other?.ownShare ?? 1)) < 1e-9)
      assert.deepEqual({ ...one, ownShare: 0 }, { ...other, ownShare: 0 })
    }
  })

  test('that is not one, or an older one, is begun anew', () => {
    const good = lived().snapshot()
    const bad: unknown[] = [
      ...[undefined, null, 7, 'history', [], {}, { ...good, version: 0 }],
      { ...good, layers: [['sha256:1', good.layers[0]?.[1]]] },
      { ...good, layers: [[digestOf(1), { lastUsedAt: 'yesterday' }]] },
      { ...good, layers: 'none' },
      { ...good, clusterWeight: 2 },
      { ...good, inflation: null },
      { ...good, requests: { hits: 1 } },
      { ...good, bytes: null },
    ]
    for (const one of bad) assert.deepEqual(UseHistory.restore(one).facts(), new UseHistory().facts())
    const restored = UseHistory.restore({ ...good, own: { counts: 'many' } })
    assert.deepEqual(restored.requests, good.requests)
    assert.equal(restored.entry(digestOf(1), 0).ownShare, new UseHistory().entry(digestOf(1), 0).ownShare)
  })

  test('does not grow without end, and keeps what was used last and most', () => {
    const history = new UseHistory()
    for (let use = 0; use < 50; use += 1) history.used(digestOf(0), 0, HIT)
    for (let index = 1; index <= 30_000; index += 1) history.used(digestOf(index), index, MISS)
    const { layers, own } = history.snapshot()
    assert.equal(layers.length, 10_000)
    assert.ok(own.counts.length <= 10_000)
    assert.equal(history.entry(digestOf(30_000), 30_000).uses, 1)
    const [most, gone] = [0, 15_000].map((index) => history.entry(digestOf(index), 30_000).ownShare)
    assert.ok((most ?? 0) > (gone ?? 0))
  })
})
