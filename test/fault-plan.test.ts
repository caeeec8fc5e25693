import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FAULTS, planFaults } from './chaos/fault-plan.ts'

const RACKS = { rack1: ['node1', 'node2'], rack2: ['node3', 'node4'] }

function plan(seed: number, durationMs = 600_000) {
  return planFaults({ seed, durationMs, everyMs: 2500, racks: RACKS })
}

test('a seed always gives the same faults, another seed others', () => {
  assert.deepEqual(plan(7), plan(7))
  assert.notDeepEqual(plan(7), plan(8))
})

test('a long run has every kind of fault, all of them over in time', () => {
  const faults = plan(1)
  assert.deepEqual(new Set(faults.map(({ fault }) => fault)), new Set(FAULTS))
  for (const { atMs, holdMs } of faults) assert.ok(atMs + holdMs <= 600_000)
})

test('nothing has two faults at a time, and the nodes of a rack that is cut off have none', () => {
  for (let seed = 0; seed < 20; seed += 1) {
    const freeAt = new Map<string, number>()
    for (const { target, atMs, holdMs } of plan(seed)) {
      for (const one of [target, ...(RACKS[target as keyof typeof RACKS] ?? [])]) {
        assert.ok((freeAt.get(one) ?? 0) <= atMs, `seed ${seed}: ${one} at ${atMs} ms`)
        freeAt.set(one, atMs + holdMs)
      }
    }
  }
})
