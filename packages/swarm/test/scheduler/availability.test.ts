import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Availability } from '../../src/scheduler/availability.ts'

test('it counts who has a piece, and who of them is near', () => {
  const available = new Availability(4)
  assert.equal(available.add(2, 1, false), 1)
  assert.equal(available.add(2, 1, true), 2)
  assert.equal(available.count(2), 2)
  assert.equal(available.nearCount(2), 1)
  available.add(2, -1, true)
  assert.equal(available.count(2), 1)
  assert.equal(available.nearCount(2), 0)
})

test('what nobody has is known as it changes', () => {
  const available = new Availability(3)
  assert.deepEqual([...available.none], [0, 1, 2])
  available.add(1, 1, true)
  available.add(1, 1, false)
  assert.deepEqual([...available.none], [0, 2])
  available.add(1, -1, true)
  assert.deepEqual([...available.none], [0, 2])
  available.add(1, -1, false)
  assert.deepEqual([...available.none], [0, 1, 2])
})
