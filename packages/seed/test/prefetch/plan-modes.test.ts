import assert from 'node:assert/strict'
import { it } from 'node:test'
import { layerDigest } from '../nodes/known-layers.ts'
import { LAYER_BYTES, openFleet } from './simulated-fleet.ts'

/** So long after another a plan is planned anew at the latest. */
const REPLAN_SECONDS = 5

type Fleet = Awaited<ReturnType<typeof openFleet>>

const setMode = async (fleet: Fleet, node: string, mode: 'active' | 'draining' | 'quarantined') => {
  const operations = fleet.parts.assignments.renewNodes([node]).operations
  await fleet.parts.registry.setMode(node, { mode, reason: '', by: 'seed' }, operations)
}

it('a plan for all leaves out nodes that are not active, and lacks nothing without them', async (t) => {
  const fleet = await openFleet(t)
  await fleet.addNodes(['n1', 'n2', 'n3'])
  await fleet.addImage('image', [1])
  await setMode(fleet, 'n2', 'draining')
  await setMode(fleet, 'n3', 'quarantined')
  const plan = await fleet.start({ images: [{ image: 'image', all: true }] })
  assert.deepEqual(fleet.claims(plan), { n1: [layerDigest(1)] })
  await fleet.pass(2, { bytesPerSecond: LAYER_BYTES })
  assert.deepEqual([fleet.state(plan), fleet.show(plan).unmet], ['done', []])
})

it('a plan that names a node says that it is not active, and brings it the layer when it is', async (t) => {
  const fleet = await openFleet(t)
  await fleet.addNodes(['n1', 'n2'])
  await fleet.addImage('image', [1])
  await setMode(fleet, 'n2', 'draining')
  const plan = await fleet.start({ images: [{ image: 'image', nodes: ['n1', 'n2', 'n9'] }] })
  const unmet = fleet.show(plan).unmet.map(({ reason, nodes, message }) => [reason, nodes, message.slice(0, 20)])
  assert.deepEqual(unmet, [
    ['inactive', ['n2'], 'Node n2 is draining;'],
    ['unknown-node', ['n9'], '1 node is not regist'],
  ])
  await fleet.pass(2, { bytesPerSecond: LAYER_BYTES })
  assert.equal(fleet.state(plan), 'partly-done')
  await setMode(fleet, 'n2', 'active')
  await fleet.pass(REPLAN_SECONDS + 2, { bytesPerSecond: LAYER_BYTES })
  assert.deepEqual(fleet.claims(plan), { n1: [layerDigest(1)], n2: [layerDigest(1)] })
})

it('a node that begins to drain gets nothing more at once, is counted out soon, and is taken up again', async (t) => {
  const fleet = await openFleet(t)
  await fleet.addNodes(['n1', 'n2'])
  await fleet.addImage('image', [1])
  const plan = await fleet.start({ images: [{ image: 'image', all: true }] })
  await fleet.pass(1, { bytesPerSecond: LAYER_BYTES / 10 })
  await setMode(fleet, 'n2', 'draining')
  assert.equal(fleet.parts.assignments.mayMove('n2', layerDigest(1)), false)
  await fleet.pass(REPLAN_SECONDS + 1, { bytesPerSecond: 0 })
  assert.deepEqual([Object.keys(fleet.claims(plan)), fleet.show(plan).progress.nodes.total], [['n1'], 1])
  await setMode(fleet, 'n2', 'active')
  await fleet.pass(REPLAN_SECONDS + 2, { bytesPerSecond: LAYER_BYTES })
  assert.equal(fleet.state(plan), 'done')
  assert.equal(fleet.show(plan).progress.nodes.ready, 2)
  assert.deepEqual(fleet.errors, [])
})

it('VMs get no places on nodes that are not active', async (t) => {
  const fleet = await openFleet(t)
  await fleet.addNodes(['n1', 'n2', 'n3'])
  await fleet.addImage('image', [1])
  await setMode(fleet, 'n2', 'draining')
  const plan = await fleet.start({ images: [{ image: 'image', vms: 4, vmsPerNode: 2 }] })
  assert.deepEqual(
    fleet
      .show(plan)
      .placements.map(({ node }) => node)
      .sort(),
    ['n1', 'n3'],
  )
})
