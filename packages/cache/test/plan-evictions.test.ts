import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HeldLayer } from '../src/plan-evictions.ts'
import { planEvictions } from '../src/plan-evictions.ts'
import { lru } from '../src/policies/lru.ts'
import { digestOf } from './memory-stock.ts'

const facts = { nowMs: 1000, misses: 0, inflation: 0, clusterWeight: 0.5 }
const pin = { digest: digestOf(0), kind: 'operator', owner: 'me', since: 0, expiresAt: null } as const

function layer(index: number, change: Partial<HeldLayer> = {}): HeldLayer {
  return {
    ...{ digest: digestOf(index), sizeBytes: 10, base: null, pins: [], isBusy: false },
    ...{ fetchedAt: index, lastUsedAt: index, previousUsedAt: null, uses: 1, ownShare: 0, clusterShare: 0 },
    ...{ missesAtFetch: 0, inflationAtUse: 0, replicas: { rack: 0, zone: 0, elsewhere: 0 } },
    ...change,
  }
}

function evicted(layers: readonly HeldLayer[], wantedBytes: number): string[] {
  return planEvictions(layers, wantedBytes, { policy: lru, facts }).evictions.map(({ digest }) => digest)
}

test('what is worth least goes first, and no more than is needed', () => {
  const layers = [layer(3), layer(1), layer(2)]
  assert.deepEqual(evicted(layers, 15), [digestOf(1), digestOf(2)])
  assert.deepEqual(evicted(layers, 0), [])
})

test('what is pinned stays, and so does what is below it', () => {
  const layers = [layer(1, { pins: [pin] }), layer(2), layer(3, { base: digestOf(2), pins: [pin] }), layer(4)]
  const plan = planEvictions(layers, 100, { policy: lru, facts })
  assert.deepEqual(
    plan.evictions.map(({ digest }) => digest),
    [digestOf(4)],
  )
  assert.equal(plan.freedBytes, 10)
  assert.equal(plan.kept.length, 3)
})

test('what is on its way stays, and so does what is below it', () => {
  assert.deepEqual(evicted([layer(1), layer(2, { base: digestOf(1), isBusy: true }), layer(3)], 100), [digestOf(3)])
})

test('a base goes after its last middle, however little it is used', () => {
  const layers = [layer(1), layer(5, { base: digestOf(1) }), layer(6, { base: digestOf(1) }), layer(3)]
  assert.deepEqual(evicted(layers, 40), [digestOf(3), digestOf(5), digestOf(6), digestOf(1)])
})
