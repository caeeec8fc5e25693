import assert from 'node:assert/strict'
import { it } from 'node:test'
import { layerDigest } from '../nodes/known-layers.ts'
import { LAYER_BYTES, openFleet } from './simulated-fleet.ts'

const [one, two] = [layerDigest(1), layerDigest(2)]

it('a node that registers later in a targeted rack gets its share, and one of another rack does not', async (t) => {
  const fleet = await openFleet(t)
  await fleet.addNodes(['n1'], { rack: 'r1' })
  await fleet.addImage('image', [1])
  const plan = await fleet.start({ images: [{ image: 'image', rack: 'r1' }] })
  await fleet.addNodes(['late'], { rack: 'r1' })
  await fleet.addNodes(['other'], { rack: 'r2' })
  await fleet.pass(6)
  assert.deepEqual(fleet.claims(plan), { late: [one], n1: [one] })
  await fleet.pass(1, { bytesPerSecond: LAYER_BYTES })
  assert.equal(fleet.state(plan), 'done')
})

it('a node that is lost is excluded after its grace, the plan ends without it, and goes on when it is back', async (t) => {
  const fleet = await openFleet(t)
  await fleet.addNodes(['n1', 'n2'])
  await fleet.addImage('image', [1])
  const plan = await fleet.start({ images: [{ image: 'image', all: true }] })
  fleet.node('n2').isUp = false
  await fleet.pass(fleet.excludeAfterMs / 1000 - 1, { bytesPerSecond: LAYER_BYTES })
  const waiting = fleet.show(plan)
  assert.equal(waiting.state, 'running')
  assert.deepEqual([waiting.progress.nodes.ready, waiting.progress.nodes.excluded], [1, 0])
  assert.equal(waiting.progress.slowest[0]?.reason?.code, 'lost')
  await fleet.pass(2)
  const partly = fleet.show(plan)
  assert.equal(partly.state, 'partly-done')
  assert.equal(partly.error?.code, 'SHOAL_PLAN_INCOMPLETE')
  assert.equal(partly.progress.nodes.excluded, 1)
  assert.deepEqual(fleet.claims(plan), { n1: [one], n2: [one] })

  fleet.node('n2').isUp = true
  await fleet.pass(1)
  assert.equal(fleet.state(plan), 'running')
  assert.equal(fleet.show(plan).finishedAt, null)
  await fleet.pass(6, { bytesPerSecond: LAYER_BYTES })
  assert.equal(fleet.state(plan), 'done')
  const types = await fleet.events(plan)
  for (const type of ['plan.nodes-excluded', 'plan.partly-done', 'plan.nodes-returned', 'plan.done']) {
    assert.equal(types.filter((other) => other === type).length, 1, `${type} in ${types}`)
  }
})

it('a seed that crashes in the middle goes on with claims, progress and idempotency keys as they were', async (t) => {
  const fleet = await openFleet(t)
  await fleet.addNodes(['n1', 'n2'])
  await fleet.addImage('image', [1, 2])
  const request = { images: [{ image: 'image', all: true as const }], limits: { nodeBytesPerSecond: 200_000 } }
  const plan = await fleet.start(request, 'key')
  // Inventories are kept for a restart once a minute.
  await fleet.pass(1, { bytesPerSecond: LAYER_BYTES / 2, only: ['n1'] })
  await fleet.pass(61)
  const before = fleet.show(plan)
  const claims = fleet.claims(plan)
  const revision = fleet.parts.assignments.revision('n1')
  await fleet.restart()
  const after = fleet.show(plan)
  assert.equal(after.state, 'running')
  assert.deepEqual(after.progress.nodes, before.progress.nodes)
  assert.equal(after.progress.presentBytes, LAYER_BYTES / 2)
  assert.equal(after.progress.wantedBytes, LAYER_BYTES * 4)
  assert.deepEqual({ ...after, progress: null }, { ...before, progress: null })
  await fleet.pass(1)
  assert.deepEqual(fleet.claims(plan), claims)
  assert.equal(fleet.parts.assignments.revision('n1'), revision, 'nothing was told to a node')
  assert.equal(await fleet.start(request, 'key'), plan)
  const other = fleet.start({ ...request, priority: 3 }, 'key')
  await assert.rejects(other, { code: 'SHOAL_PLAN_IDEMPOTENCY' })
  await fleet.pass(3, { bytesPerSecond: LAYER_BYTES })
  assert.equal(fleet.state(plan), 'done')
})

it('VMs stay where they have their places when the seed restarts, and when nodes come', async (t) => {
  const fleet = await openFleet(t)
  await fleet.addNodes(['a', 'b', 'c', 'd', 'e'])
  await fleet.addImage('image', [1])
  const plan = await fleet.start({ images: [{ image: 'image', vms: 5, vmsPerNode: 2 }] })
  const { placements } = fleet.show(plan)
  assert.equal(
    placements.reduce((sum, { vms }) => sum + vms, 0),
    5,
  )
  const claims = fleet.claims(plan)
  assert.deepEqual(Object.keys(claims), placements.map(({ node }) => node).sort())
  await fleet.restart()
  await fleet.addNodes(['0', '1', 'z'])
  await fleet.pass(7)
  assert.deepEqual(fleet.show(plan).placements, placements)
  assert.deepEqual(fleet.claims(plan), claims)
})

it('VMs of a node that is away for too long get another place', async (t) => {
  const fleet = await openFleet(t)
  await fleet.addNodes(['a', 'b', 'c'])
  await fleet.addImage('image', [1])
  const plan = await fleet.start({ images: [{ image: 'image', vms: 2 }] })
  const [first, second] = Object.keys(fleet.claims(plan))
  assert.ok(first !== undefined && second !== undefined)
  fleet.node(first).isUp = false
  await fleet.pass(fleet.excludeAfterMs / 1000 + 6)
  const third = ['a', 'b', 'c'].find((name) => name !== first && name !== second) ?? ''
  assert.deepEqual(fleet.claims(plan), Object.fromEntries([second, third].sort().map((node) => [node, [one]])))
  await fleet.pass(1, { bytesPerSecond: LAYER_BYTES })
  assert.equal(fleet.state(plan), 'done')
})

it('a node that had to give a layer up is not asked for it again until the plan is retried', async (t) => {
  const fleet = await openFleet(t)
  await fleet.addNodes(['n1', 'n2'])
  await fleet.addImage('image', [1, 2])
  const plan = await fleet.start({ images: [{ image: 'image', all: true }] })
  await fleet.pass(1, { bytesPerSecond: LAYER_BYTES * 2, only: ['n2'] })
  fleet.evict('n1', two)
  await fleet.pass(3)
  assert.deepEqual(fleet.claims(plan).n1, [one])
  assert.equal(fleet.node('n1').held.has(two), false, 'it tells of it no more')
  const { progress, state } = fleet.show(plan)
  assert.equal(state, 'running')
  assert.equal(progress.nodes.failed, 1)
  assert.equal(progress.slowest[0]?.reason?.code, 'error')
  await fleet.pass(fleet.excludeAfterMs / 1000 + 5, { bytesPerSecond: LAYER_BYTES })
  assert.equal(fleet.state(plan), 'partly-done')
  assert.deepEqual(fleet.claims(plan).n1, [one])

  await fleet.plans.retry(plan)
  assert.deepEqual(fleet.claims(plan).n1, [one, two])
  assert.equal(fleet.state(plan), 'running')
  await fleet.pass(2, { bytesPerSecond: LAYER_BYTES })
  assert.equal(fleet.state(plan), 'done')
})

it('a node that an operator takes out of the fleet and that registers again is asked again', async (t) => {
  const fleet = await openFleet(t)
  await fleet.addNodes(['n1', 'n2'])
  await fleet.addImage('image', [1])
  const plan = await fleet.start({ images: [{ image: 'image', all: true }] })
  const { assignments, registry } = fleet.parts
  const { operations } = assignments.forget('n1')
  await registry.remove('n1', operations)
  fleet.runs.onRemoved('n1')
  // It is back before anybody has looked.
  await fleet.addNodes(['n1'])
  await fleet.pass(1)
  assert.deepEqual(fleet.claims(plan), { n1: [one], n2: [one] })
})

it('a plan of a node that an operator takes out for good ends without it', async (t) => {
  const fleet = await openFleet(t)
  await fleet.addNodes(['n1', 'n2'])
  await fleet.addImage('image', [1])
  const plan = await fleet.start({ images: [{ image: 'image', all: true }] })
  fleet.node('n1').isUp = false
  const { operations } = fleet.parts.assignments.forget('n1')
  await fleet.parts.registry.remove('n1', operations)
  fleet.runs.onRemoved('n1')
  await fleet.pass(6, { bytesPerSecond: LAYER_BYTES })
  assert.equal(fleet.state(plan), 'done')
  assert.deepEqual(fleet.claims(plan), { n2: [one] })
})

it('a node that holds nothing is told by what it is held up, however long it takes', async (t) => {
  const fleet = await openFleet(t)
  await fleet.addNodes(['n1'])
  await fleet.addImage('image', [1], { sizeBytes: 1e12 })
  const plan = await fleet.start({ images: [{ image: 'image', all: true }] })
  await fleet.pass(3, { bytesPerSecond: 1e6 })
  assert.ok(fleet.show(plan).progress.estimatedFinishAt !== null)
  await fleet.plans.change(plan, { paused: true })
  await fleet.pass(600)
  const { progress } = fleet.show(plan)
  assert.equal(progress.bytesPerSecond, 0)
  assert.equal(progress.estimatedFinishAt, null)
  assert.equal(progress.slowest[0]?.reason?.code, 'paused')
})
