import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Candidate } from '../src/eviction-order.ts'
import { RemnantShare } from '../src/remnant-share.ts'
import { heldLayer } from './held-layers.ts'

function whole(value: number, bootBytes: number): Candidate {
  return { layer: heldLayer(value, { bootBytes, sizeBytes: 100 }), value, isAged: false }
}

function remnant(value: number, sizeBytes: number): Candidate {
  return { layer: heldLayer(value, { sizeBytes, isRemnant: true }), value, isAged: false }
}

test('gives out the least valuable first, in whatever order they were offered', () => {
  const share = new RemnantShare(100, 60)
  for (const value of [3, 1, 5, 2, 4]) share.offer(remnant(value, 10))
  assert.deepEqual(
    Array.from({ length: 6 }, () => share.takeLeast()?.value),
    [1, 2, 3, 4, 5, undefined],
  )
})

test('knows whether too much is taken, also by those that may not go', () => {
  const share = new RemnantShare(10, 25)
  share.offer(remnant(1, 12))
  assert.ok(share.isOver)
  share.free(3)
  share.takeLeast()
  assert.ok(!share.isOver)
})

test('admits one for which less valuable ones make room', () => {
  const share = new RemnantShare(20, 20)
  for (const value of [1, 2, 9]) share.offer(remnant(value, 5))
  assert.equal(share.admit(whole(3, 12)), undefined)
  assert.deepEqual(
    share.admit(whole(3, 8))?.map(({ value }) => value),
    [1, 2],
  )
  assert.deepEqual(share.admit(whole(4, 1)), [])
  assert.deepEqual(share.takeLeast()?.value, 3)
})

test('admits none for the sake of which a more valuable one would have to go', () => {
  const share = new RemnantShare(10, 10)
  share.offer(remnant(5, 10))
  assert.equal(share.admit(whole(4, 1)), undefined)
  assert.equal(share.takeLeast()?.value, 5)
})
