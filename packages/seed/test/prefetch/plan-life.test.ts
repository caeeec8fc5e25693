import assert from 'node:assert/strict'
import { it } from 'node:test'
import { layerDigest } from '../nodes/known-layers.ts'
import { LAYER_BYTES, openFleet } from './simulated-fleet.ts'

it('a plan runs until every node has all of it, and tells of each step', async (t) => {
  const fleet = await openFleet(t)
  await fleet.addNodes(['n1', 'n2'])
  await fleet.addImage('image', [1])
  const plan = await fleet.start({ images: [{ image: 'image', all: true }] })
  assert.equal(fleet.state(plan), 'running')
  assert.deepEqual(fleet.claims(plan), { n1: [layerDigest(1)], n2: [layerDigest(1)] })
  await fleet.pass(1, { bytesPerSecond: LAYER_BYTES, only: ['n1'] })
  const { progress, state } = fleet.show(plan)
  assert.equal(state, 'running')
  assert.equal(progress.presentBytes, LAYER_BYTES)
  assert.deepEqual([progress.nodes.ready, progress.nodes.fetching], [1, 1])
  await fleet.pass(1, { bytesPerSecond: LAYER_BYTES })
  assert.equal(fleet.state(plan), 'done')
  assert.equal(fleet.show(plan).progress.nodes.ready, 2)
  assert.deepEqual(await fleet.events(plan), ['plan.created', 'plan.running', 'plan.done'])
  assert.deepEqual(fleet.errors, [])
})
