import assert from 'node:assert/strict'
import { it } from 'node:test'
import { distributionEnded, summarize } from '../src/follow/distribution.ts'
import { createRateWindow } from '../src/follow/rate-window.ts'
import { describeEnd } from '../src/layer/end-distribution.ts'
import { buildHeld, buildLayer, buildNode } from './builders.ts'

const layer = buildLayer()
const half = layer.sizeBytes / 2

it('has not ended while a node that lives still fetches', () => {
  const fetching = buildNode('b', [buildHeld({ state: 'fetching', presentBytes: half })], { state: 'unreachable' })
  const state = summarize(layer, [buildNode('a', [buildHeld()]), fetching])
  assert.equal(state.complete, 1)
  assert.equal(state.presentBytes, layer.sizeBytes + half)
  assert.equal(distributionEnded(state), false)
})

it('ends when every node has the layer, gave it up or is lost', () => {
  const state = summarize(layer, [
    buildNode('a', [buildHeld()]),
    buildNode('b', [buildHeld({ state: 'failed', presentBytes: half })]),
    buildNode('c', [buildHeld({ state: 'fetching', presentBytes: 0 })], { state: 'lost' }),
  ])
  assert.deepEqual(state.failed, ['b'])
  assert.deepEqual(state.lost, ['c'])
  assert.equal(distributionEnded(state), true)
  assert.match(describeEnd(state), /on 1 of 3 nodes.*\nfailed on b .*\nno heartbeat from c$/)
})

it('counts a complete node even when it is lost', () => {
  const state = summarize(layer, [buildNode('a', [buildHeld()], { state: 'lost' })])
  assert.equal(state.complete, 1)
  assert.deepEqual(state.lost, [])
})

it('ends at once where nothing is assigned', () => {
  const state = summarize(layer, [])
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
