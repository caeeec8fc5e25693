import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Replicas } from '../src/cache-entry.ts'
import { refetchCost } from '../src/refetch-cost.ts'

function costWith(replicas: Partial<Replicas>, sizeBytes = 100): number {
  return refetchCost({ sizeBytes, replicas: { rack: 0, zone: 0, elsewhere: 0, ...replicas } })
}

test('the farther the nearest copy, the dearer', () => {
  const costs = [
    costWith({ rack: 1, elsewhere: 3 }),
    costWith({ zone: 1, elsewhere: 3 }),
    costWith({ elsewhere: 1 }),
    costWith({}),
  ]
  assert.deepEqual(
    costs,
    costs.toSorted((one, other) => one - other),
  )
  assert.ok(costWith({ rack: 1 }) < costWith({}))
})

test('twice the bytes cost twice as much, and more copies at the same place cost the same', () => {
  assert.equal(costWith({}, 200), 2 * costWith({}, 100))
  assert.equal(costWith({ rack: 3 }), costWith({ rack: 1 }))
})
