import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type LayerFacts, nextAction } from '../src/next-action.ts'

const nothing: LayerFacts = {
  isRevoked: false,
  isAssigned: false,
  isStored: false,
  isComplete: false,
  isHeld: false,
  isLeaving: false,
  isJoined: false,
}

test('a layer goes from assigned to obtained to joined, and stays', () => {
  const assigned = { ...nothing, isAssigned: true }
  equal(nextAction(assigned), 'obtain')
  equal(nextAction({ ...assigned, isStored: true }), 'join')
  equal(nextAction({ ...assigned, isStored: true, isJoined: true }), undefined)
})

test('a complete layer is served although nobody assigns it; the fetch of an incomplete one stops', () => {
  const stored = { ...nothing, isStored: true }
  equal(nextAction({ ...stored, isComplete: true }), 'join')
  equal(nextAction({ ...stored, isComplete: true, isJoined: true }), undefined)
  equal(nextAction({ ...stored, isJoined: true }), 'leave')
  equal(nextAction(stored), undefined)
})

test('nothing is done to a layer that is just being evicted', () => {
  equal(nextAction({ ...nothing, isStored: true, isComplete: true, isLeaving: true }), undefined)
  equal(nextAction({ ...nothing, isStored: true, isJoined: true, isRevoked: true, isLeaving: true }), undefined)
})

test('revoking wins over everything, and the steps come to an end from anywhere', () => {
  const facts = fc.record({
    isRevoked: fc.boolean(),
    isAssigned: fc.boolean(),
    isStored: fc.boolean(),
    isComplete: fc.boolean(),
    isHeld: fc.boolean(),
    isLeaving: fc.constant(false),
    isJoined: fc.boolean(),
  })
  fc.assert(
    fc.property(facts, (start) => {
      let now = start
      for (let step = 0; step < 5; step += 1) {
        const action = nextAction(now)
        if (action === undefined) break
        if (action === 'drop') now = { ...now, isStored: false, isComplete: false, isJoined: false }
        if (action === 'obtain') now = { ...now, isStored: true, isComplete: false }
        if (action === 'join') now = { ...now, isJoined: true }
        if (action === 'leave') now = { ...now, isJoined: false }
      }
      equal(nextAction(now), undefined)
      if (start.isRevoked) equal((now.isStored && !start.isHeld) || now.isJoined, false)
      else if (start.isAssigned) equal(now.isStored && now.isJoined, true)
    }),
  )
})
