import assert from 'node:assert/strict'
import { it } from 'node:test'
import { layerDigest } from '../nodes/known-layers.ts'
import { LAYER_BYTES, NOON_MS, openFleet } from './simulated-fleet.ts'

const one = layerDigest(1)
const at = (ms: number) => new Date(NOON_MS + ms).toISOString()
const HOUR_MS = 3_600_000

it('of two plans that want the same layer, one that is cancelled leaves the other its claim and its pin', async (t) => {
  const fleet = await openFleet(t)
  await fleet.addNodes(['n1'])
  await fleet.addImage('image', [1])
  const images = [{ image: 'image', all: true as const }]
  const first = await fleet.start({ images, priority: 90, pinnedUntil: at(2 * HOUR_MS) })
  const second = await fleet.start({ images, priority: 20, pinnedUntil: at(HOUR_MS) })
  assert.equal(fleet.told('n1', one)?.priority, 90)
  assert.equal(fleet.told('n1', one)?.pinnedUntil, at(2 * HOUR_MS))
  await fleet.plans.cancel(first, { drops: true })
  const told = fleet.told('n1', one)
  assert.deepEqual([told?.priority, told?.pinnedUntil, told?.owners], [20, at(HOUR_MS), [second]])
  assert.deepEqual(fleet.parts.assignments.dropped('n1'), [])
  await fleet.plans.cancel(second, { drops: true })
  assert.equal(fleet.told('n1', one), undefined)
  assert.deepEqual(fleet.parts.assignments.dropped('n1'), [one])
})

it('a second plan of what is already coming counts its bytes once', async (t) => {
  const fleet = await openFleet(t)
  await fleet.addNodes(['n1'], { capacityBytes: LAYER_BYTES * 1.5 })
  await fleet.addImage('image', [1])
  await fleet.addImage('other', [2])
  await fleet.start({ images: [{ image: 'image', all: true }] })
  const second = await fleet.start({ images: [{ image: 'image', nodes: ['n1'] }] })
  assert.deepEqual(fleet.show(second).unmet, [])
  const third = await fleet.start({ images: [{ image: 'other', all: true }] })
  assert.deepEqual(
    fleet.show(third).unmet.map(({ reason }) => reason),
    ['disk'],
  )
})

it('a plan that is cancelled while it is planned anew leaves no claim behind', async (t) => {
  const fleet = await openFleet(t)
  await fleet.addNodes(['n1', 'n2'])
  await fleet.addImage('image', [1])
  const plan = await fleet.start({ images: [{ image: 'image', all: true }] })
  await fleet.addNodes(['n3'])
  fleet.clock.advance(10_000)
  const ticking = fleet.runs.tick()
  const [cancelled] = await Promise.all([fleet.plans.cancel(plan, { drops: false }), ticking])
  assert.equal(cancelled.state, 'cancelled')
  await fleet.pass(6)
  assert.deepEqual(fleet.claims(plan), {})
  assert.equal(fleet.state(plan), 'cancelled')
})

it('a change that comes together with a cancel does not bring the plan back', async (t) => {
  const fleet = await openFleet(t)
  await fleet.addNodes(['n1'])
  await fleet.addImage('image', [1])
  const plan = await fleet.start({ images: [{ image: 'image', all: true }] })
  const cancelling = fleet.plans.cancel(plan, { drops: false })
  const changing = fleet.plans.change(plan, { priority: 80 })
  await assert.rejects(changing, { code: 'SHOAL_PLAN_ENDED' })
  await cancelling
  await fleet.pass(2)
  assert.equal(fleet.state(plan), 'cancelled')
  assert.deepEqual(fleet.claims(plan), {})
})

it('changes that come together are all kept', async (t) => {
  const fleet = await openFleet(t)
  await fleet.addNodes(['n1'])
  await fleet.addImage('image', [1])
  const plan = await fleet.start({ images: [{ image: 'image', all: true }] })
  const { plans } = fleet
  await Promise.all([plans.change(plan, { priority: 80 }), plans.change(plan, { weight: 33 }), fleet.runs.tick()])
  const { priority, weight } = fleet.show(plan)
  assert.deepEqual([priority, weight], [80, 33])
})

it('a change of priority, weight, pin and limits reaches what nodes are told', async (t) => {
  const fleet = await openFleet(t)
  await fleet.addNodes(['n1', 'n2'])
  await fleet.addImage('image', [1])
  const plan = await fleet.start({ images: [{ image: 'image', all: true }] })
  assert.equal(fleet.told('n1', one)?.limitBytesPerSecond, null)
  const revision = fleet.parts.assignments.revision('n1')
  await fleet.plans.change(plan, { priority: 71, weight: 7, pinnedUntil: at(HOUR_MS) })
  const { priority, weight, pinnedUntil } = fleet.told('n1', one) ?? {}
  assert.deepEqual([priority, weight, pinnedUntil], [71, 7, at(HOUR_MS)])
  assert.ok(fleet.parts.assignments.revision('n1') > revision)
  await fleet.plans.change(plan, { limits: { bytesPerSecond: 2_000_000 } })
  assert.equal(fleet.told('n1', one)?.limitBytesPerSecond, 1_000_000)
  await fleet.plans.change(plan, { limits: { nodeBytesPerSecond: 400_000 } })
  assert.equal(fleet.told('n1', one)?.limitBytesPerSecond, 400_000)
  await fleet.plans.change(plan, { limits: { bytesPerSecond: null, nodeBytesPerSecond: null } })
  assert.equal(fleet.told('n1', one)?.limitBytesPerSecond, null)
})

it('a plan that is paused lets nothing move, and goes on', async (t) => {
  const fleet = await openFleet(t)
  await fleet.addNodes(['n1', 'n2'])
  await fleet.addImage('image', [1])
  const plan = await fleet.start({ images: [{ image: 'image', all: true }], limits: { nodeBytesPerSecond: 300_000 } })
  assert.equal(fleet.told('n1', one)?.limitBytesPerSecond, 300_000)
  const paused = await fleet.plans.change(plan, { paused: true })
  assert.equal(paused.state, 'paused')
  assert.equal(fleet.told('n1', one)?.limitBytesPerSecond, 0)
  await fleet.pass(5, { bytesPerSecond: LAYER_BYTES })
  assert.equal(fleet.state(plan), 'paused')
  assert.equal(fleet.show(plan).progress.presentBytes, 0)
  await fleet.restart()
  await fleet.pass(2, { bytesPerSecond: LAYER_BYTES })
  assert.equal(fleet.state(plan), 'paused', 'over a restart too')
  await fleet.plans.change(plan, { paused: false })
  assert.equal(fleet.told('n1', one)?.limitBytesPerSecond, 300_000)
  await fleet.pass(1, { bytesPerSecond: LAYER_BYTES })
  assert.equal(fleet.state(plan), 'done')
})

it('a plan that is put off while it runs rests until its time', async (t) => {
  const fleet = await openFleet(t)
  await fleet.addNodes(['n1'])
  await fleet.addImage('image', [1])
  const plan = await fleet.start({ images: [{ image: 'image', all: true }] })
  await fleet.pass(1, { bytesPerSecond: LAYER_BYTES / 4 })
  const put = await fleet.plans.change(plan, { notBefore: at(60_000) })
  assert.equal(put.state, 'planned')
  assert.equal(fleet.told('n1', one)?.limitBytesPerSecond, 0)
  await fleet.pass(50, { bytesPerSecond: LAYER_BYTES })
  assert.equal(fleet.show(plan).progress.presentBytes, LAYER_BYTES / 4)
  assert.equal(fleet.show(plan).progress.slowest[0]?.reason?.code, 'not-before')
  await fleet.pass(12, { bytesPerSecond: LAYER_BYTES })
  assert.equal(fleet.state(plan), 'done')
})

it('nothing is claimed before a plan may begin', async (t) => {
  const fleet = await openFleet(t)
  await fleet.addNodes(['n1'])
  await fleet.addImage('image', [1])
  const plan = await fleet.start({ images: [{ image: 'image', all: true }], notBefore: at(30_000) })
  await fleet.pass(29)
  assert.equal(fleet.state(plan), 'planned')
  assert.deepEqual(fleet.claims(plan), {})
  await fleet.pass(1)
  assert.equal(fleet.state(plan), 'running')
  assert.deepEqual(fleet.claims(plan), { n1: [one] })
})

it('images that a change takes out are taken back, and what was wrong with them is no fault of the plan any more', async (t) => {
  const fleet = await openFleet(t)
  await fleet.addNodes(['n1'])
  await fleet.addImage('bad', [1])
  await fleet.addImage('good', [2])
  const all = { all: true as const }
  const plan = await fleet.start({
    images: [
      { image: 'bad', ...all },
      { image: 'good', ...all },
    ],
  })
  await fleet.deactivate('bad')
  await fleet.pass(1)
  assert.deepEqual(fleet.claims(plan), { n1: [layerDigest(2)] })
  const changed = await fleet.plans.change(plan, { images: [{ image: 'good', ...all }] })
  assert.equal(changed.state, 'running')
  await fleet.pass(1, { bytesPerSecond: LAYER_BYTES })
  assert.equal(fleet.state(plan), 'done')
})

it('a plan that is over cannot be changed, and one that is unknown neither', async (t) => {
  const fleet = await openFleet(t)
  await fleet.addNodes(['n1'])
  await fleet.addImage('image', [1])
  const plan = await fleet.start({ images: [{ image: 'image', all: true }] })
  await fleet.pass(1, { bytesPerSecond: LAYER_BYTES })
  await assert.rejects(fleet.plans.change(plan, { priority: 1 }), { code: 'SHOAL_PLAN_ENDED' })
  await assert.rejects(fleet.plans.change('plan-none', { priority: 1 }), { code: 'SHOAL_PLAN_UNKNOWN' })
  await assert.rejects(fleet.plans.cancel('plan-none', { drops: false }), { code: 'SHOAL_PLAN_UNKNOWN' })
  await assert.rejects(fleet.plans.retry('plan-none'), { code: 'SHOAL_PLAN_UNKNOWN' })
})

it('a change that cannot be meant changes nothing', async (t) => {
  const fleet = await openFleet(t)
  await fleet.addNodes(['n1'])
  await fleet.addImage('image', [1])
  const plan = await fleet.start({ images: [{ image: 'image', all: true }] })
  const before = fleet.show(plan)
  const refuse = async (code: string, change: Parameters<typeof fleet.plans.change>[1]) => {
    await assert.rejects(fleet.plans.change(plan, { priority: 99, ...change }), { code })
    assert.deepEqual(fleet.show(plan), before)
  }
  await refuse('SHOAL_PLAN_TIME', { deadline: at(-1) })
  await refuse('SHOAL_PLAN_TIME', { expiresAt: at(0) })
  await refuse('SHOAL_IMAGE_UNKNOWN', { images: [{ image: 'none', all: true }] })
  await refuse('SHOAL_PLAN_TARGETS', { images: [{ image: 'image' }] })
})
