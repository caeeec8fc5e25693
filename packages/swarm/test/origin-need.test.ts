import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@shoal/core'
import { OriginNeed } from '../src/origin-need.ts'
import { PieceSet } from '../src/scheduler/piece-set.ts'
import { Source } from '../src/scheduler/source.ts'
import { pieceSet, range } from './scheduler/scheduler-fixture.ts'

const PIECES = 64

function setUp() {
  const clock = new ManualClock()
  const origin = new Source({ node: 'seed', place: 'origin', pieceCount: PIECES })
  const state = { need: pieceSet(PIECES, range(0, PIECES)) }
  const need = new OriginNeed(clock, () => state.need)
  return { clock, origin, state, need }
}

test('an origin is told at first, and then not at each turn of a piece', () => {
  const { clock, origin, state, need } = setUp()
  assert.equal(need.isEmpty(origin), true)
  assert.equal(need.changed(origin), state.need)
  assert.equal(need.isEmpty(origin), false)
  let told = 0
  for (let step = 0; step < 100; step += 1) {
    clock.advance(1)
    state.need.delete(step % 10)
    if (need.changed(origin) !== undefined) told += 1
  }
  assert.equal(told, 0)
})

test('it is told anew every now and then, also that nothing changed: it may have lost what it gave', () => {
  const { clock, origin, need } = setUp()
  need.changed(origin)
  clock.advance(1000)
  assert.ok(need.changed(origin) !== undefined)
})

test('it is told soon that little of what it was told is left, lest it gives in vain', () => {
  const { clock, origin, state, need } = setUp()
  need.changed(origin)
  state.need = pieceSet(PIECES, [1])
  clock.advance(50)
  assert.equal(need.changed(origin), state.need)
})

test('that nothing is needed is said once', () => {
  const { clock, origin, state, need } = setUp()
  need.changed(origin)
  state.need = new PieceSet(PIECES)
  clock.advance(1000)
  assert.equal(need.changed(origin), state.need)
  assert.equal(need.isEmpty(origin), true)
  clock.advance(60_000)
  assert.equal(need.changed(origin), undefined)
})

test('one that forgot is told again at once, and each origin for itself', () => {
  const { origin, need } = setUp()
  need.changed(origin)
  assert.equal(need.changed(origin), undefined)
  need.forget(origin)
  assert.equal(need.isEmpty(origin), true)
  assert.ok(need.changed(origin) !== undefined)
  assert.ok(need.changed(new Source({ node: 'other', place: 'origin', pieceCount: PIECES })) !== undefined)
})
