import assert from 'node:assert/strict'
import { it } from 'node:test'
import { distributionEnded, summarize } from '../src/follow/distribution.ts'
import { createRateWindow } from '../src/follow/rate-window.ts'
import { describeEnd } from '../src/layer/end-distribution.ts'
import { buildHeld, buildLayer, buildNode } from './builders.ts'

const layer = buildLayer()
const assignedAt = '2026-01-01T00:00:00.000Z'
const assigned = new Map(['a', 'b', 'c'].map((name) => [name, assignedAt]))
const half = layer.sizeBytes / 2

it('has not ended while a node that lives still fetches', () => {
  const fetching = buildNode('b', [buildHeld({ state: 'fetching', presentBytes: half })], { state: 'unreachable' })
  const state = summarize(layer, [buildNode('a', [buildHeld()]), fetching], assigned)
  assert.equal(state.complete, 1)
  assert.equal(state.presentBytes, layer.sizeBytes + half)
  assert.equal(distributionEnded(state), false)
})

it('ends when every node has the layer, gave it up or is lost', () => {
  const nodes = [
    buildNode('a', [buildHeld()]),
    buildNode('b', [buildHeld({ state: 'failed', presentBytes: half })]),
    buildNode('c', [buildHeld({ state: 'fetching', presentBytes: 0 })], { state: 'lost' }),
  ]
  const state = summarize(layer, nodes, assigned)
  assert.deepEqual(state.failed, ['b'])
  assert.deepEqual(state.lost, ['c'])
  assert.equal(distributionEnded(state), true)
  assert.match(describeEnd(state), /on 1 of 3 nodes.*\nfailed on b .*\nno heartbeat from c$/)
})

it('counts a complete node even when it is lost', () => {
  const state = summarize(layer, [buildNode('a', [buildHeld()], { state: 'lost' })], new Map())
  assert.equal(state.complete, 1)
  assert.deepEqual(state.lost, [])
})

it('ends where the layer was evicted, whether or not the seed has ended the assignment by then', () => {
  const gone = buildHeld({ state: 'evicted', presentBytes: half, evictedAssignment: assignedAt })
  const nodes = [buildNode('a', [buildHeld()]), buildNode('b', [gone]), buildNode('c', [gone])]
  const state = summarize(layer, nodes, new Map([['b', assignedAt]]))
  assert.deepEqual(state.evicted, ['b', 'c'])
  assert.equal(distributionEnded(state), true)
  assert.match(describeEnd(state), /on 1 of 3 nodes.*\nevicted from b, c \("shoal event list" tells why\)$/)
})

it('waits for a node that was assigned the layer anew since it evicted it', () => {
  const gone = buildHeld({ state: 'evicted', presentBytes: 0, evictedAssignment: assignedAt })
  const state = summarize(layer, [buildNode('b', [gone])], new Map([['b', '2026-01-02T00:00:00.000Z']]))
  assert.deepEqual(state.evicted, [])
  assert.equal(distributionEnded(state), false)
})

it('ends where the layer was taken back before it was whole', () => {
  const nodes = [buildNode('a', [buildHeld()]), buildNode('b', []), buildNode('c', null)]
  const state = summarize(layer, nodes, new Map([['c', assignedAt]]))
  assert.deepEqual(state.unassigned, ['b'])
  assert.equal(distributionEnded(state), false)
  assert.match(describeEnd(state), /\nno longer assigned to b$/)
})

it('ends at once where nothing is assigned', () => {
  const state = summarize(layer, [], new Map())
  assert.equal(distributionEnded(state), true)
  assert.match(describeEnd(state), /assigned to no node/)
})

it('measures the rate over the last ten seconds', () => {
  const rate = createRateWindow()
  assert.equal(rate(0, 0), 0)
  assert.equal(rate(1000, 500), 500)
  for (let second = 2; second <= 30; second += 1) rate(second * 1000, 500)
  assert.equal(rate(31_000, 500), 0)
})
