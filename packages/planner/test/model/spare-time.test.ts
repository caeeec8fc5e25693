import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SpareTime } from '../../src/model/spare-time.ts'

const DOWN = 10

/** After one step of 2 s in which cohort 0 was done halfway. */
function afterOneStep(): SpareTime {
  const spare = new SpareTime(2)
  spare.setFree(0, 1)
  spare.setFree(1)
  spare.advance(2)
  return spare
}

test('who was done early makes up for the rest of the step, and has then what its link carries', () => {
  const spare = afterOneStep()
  assert.deepEqual([spare.factor(0), spare.factor(1)], [1.5, 1])
  const rate = DOWN * spare.factor(0)
  assert.equal(spare.mostBytes(0, { rate, down: DOWN }, 2), 30)
  assert.equal(spare.finishAt(0, { rate, down: DOWN }, 30), 4)
})

test('in a longer step it gets no more than its link carries from when it was free', () => {
  const spare = afterOneStep()
  assert.equal(spare.mostBytes(0, { rate: DOWN * spare.factor(0), down: DOWN }, 20), 210)
})

test('it is never done before its link can have brought it, nor before the grant', () => {
  const spare = afterOneStep()
  assert.equal(spare.finishAt(0, { rate: 2 * DOWN, down: DOWN }, 30), 4)
  assert.equal(spare.finishAt(0, { rate: 2 * DOWN, down: DOWN }, 1), 2.05)
  assert.equal(spare.finishAt(1, { rate: DOWN, down: DOWN }, 30), 5)
})

test('nobody makes up for time in which there was nothing to fetch', () => {
  const idle = afterOneStep()
  idle.setFree(0)
  const surprised = afterOneStep()
  surprised.forget()
  assert.deepEqual([idle.factor(0), surprised.factor(0)], [1, 1])
})
