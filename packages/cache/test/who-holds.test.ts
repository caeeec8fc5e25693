import assert from 'node:assert/strict'
import { test } from 'node:test'
import { whoHolds } from '../src/who-holds.ts'
import { heldLayer, pinOf } from './held-layers.ts'
import { digestOf } from './memory-stock.ts'

test('a layer is held by its pins, by what it is needed for, and by those that hold what is above it', () => {
  const held = whoHolds([
    heldLayer(1),
    heldLayer(2, { base: digestOf(1), pins: [pinOf(2, 'vm-7'), pinOf(2, 'plan 3')] }),
    heldLayer(3, { base: digestOf(1), pins: [pinOf(3, 'vm-7')], isRemnant: true }),
    heldLayer(4, { isBusy: true }),
    heldLayer(5),
  ])
  assert.deepEqual(held.get(digestOf(1)), ['vm-7', 'plan 3'])
  assert.deepEqual(held.get(digestOf(2)), ['vm-7', 'plan 3'])
  assert.match(held.get(digestOf(4))?.join() ?? '', /needed/)
  assert.deepEqual(held.get(digestOf(5)), [])
})

test('what is above a layer does not hold it when it may go itself', () => {
  const held = whoHolds([heldLayer(1), heldLayer(2, { base: digestOf(1) })])
  assert.deepEqual(held.get(digestOf(1)), [])
})
