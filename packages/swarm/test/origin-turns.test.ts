import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@shoal/core'
import { OriginTurns } from '../src/origin-turns.ts'
import { TurnOrder } from '../src/scheduler/turn-order.ts'

function begin() {
  const clock = new ManualClock()
  const order = new TurnOrder()
  const turns = new OriginTurns(order, clock)
  const layer = (priority: number, wave = 0) => {
    const share = order.join({ priority, wave, weight: 10 })
    const state = { share, part: 'rest' as 'head' | 'rest' | undefined }
    turns.add(share, { nextPart: () => state.part })
    return state
  }
  return { clock, turns, layer }
}

test('a layer gives nothing while a more urgent one gives, and only that long', () => {
  const { clock, turns, layer } = begin()
  const [high, low] = [layer(80), layer(20)]
  assert.equal(turns.mayGive(low.share), true)
  turns.gave(high.share)
  assert.equal(turns.mayGive(low.share), false)
  assert.equal(turns.mayGive(high.share), true)
  high.part = undefined
  assert.equal(turns.mayGive(low.share), true)
  high.part = 'rest'
  clock.advance(3000)
  assert.equal(turns.mayGive(low.share), true)
})

test('a layer that gave something holds up none that is as urgent or more so', () => {
  const { turns, layer } = begin()
  const [one, equal, high] = [layer(50), layer(50), layer(60)]
  turns.gave(one.share)
  assert.equal(turns.mayGive(equal.share), true)
  assert.equal(turns.mayGive(high.share), true)
})

test('heads go before the rest of layers of the same priority, then waves', () => {
  const { turns, layer } = begin()
  const [base, middle] = [layer(50, 1), layer(50, 2)]
  turns.gave(base.share)
  assert.equal(turns.mayGive(middle.share), false)
  middle.part = 'head'
  assert.equal(turns.mayGive(middle.share), true)
  turns.gave(middle.share)
  assert.equal(turns.mayGive(base.share), false)
  base.part = 'head'
  assert.equal(turns.mayGive(base.share), true)
  assert.equal(turns.mayGive(middle.share), false)
})

test('a layer that is gone holds up nobody', () => {
  const { turns, layer } = begin()
  const [high, low] = [layer(80), layer(20)]
  turns.gave(high.share)
  turns.remove(high.share)
  assert.equal(turns.mayGive(low.share), true)
})
