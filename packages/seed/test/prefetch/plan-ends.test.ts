import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { PlanUpdate, PrefetchRequest } from '@shoal/api'
import { layerDigest } from '../nodes/known-layers.ts'
import { LAYER_BYTES, NOON_MS, openFleet, type SimulatedFleet } from './simulated-fleet.ts'

const one = layerDigest(1)
const at = (ms: number) => new Date(NOON_MS + ms).toISOString()
const MINUTE_MS = 60_000
const { signal } = new AbortController()
const images: PrefetchRequest['images'] = [{ image: 'image', all: true }]

async function openWith(t: Parameters<typeof openFleet>[0], ...nodes: string[]): Promise<SimulatedFleet> {
  const fleet = await openFleet(t)
  await fleet.addNodes(nodes)
  await fleet.addImage('image', [1])
  return fleet
}

it('a request that cannot become a plan is refused, and nothing is kept of it', async (t) => {
  const fleet = await openWith(t, 'n1')
  await fleet.addImage('off', [2])
  await fleet.deactivate('off')
  const refuse = async (code: string, request: PrefetchRequest) => {
    await assert.rejects(fleet.start(request, 'key'), { code }, JSON.stringify(request))
    await assert.rejects(fleet.plans.tryOut(request), { code })
  }
  await refuse('SHOAL_IMAGE_UNKNOWN', { images: [{ image: 'none', all: true }] })
  await refuse('SHOAL_IMAGE_DEACTIVATED', { images: [{ image: 'off', all: true }] })
  await refuse('SHOAL_IMAGE_DEACTIVATED', { images: [...images, { image: 'off', all: true }] })
  await refuse('SHOAL_PLAN_TARGETS', { images: [{ image: 'image' }] })
  await refuse('SHOAL_PLAN_REQUEST', { images: [...images, ...images] })
  await refuse('SHOAL_PLAN_TIME', { images, deadline: at(-1) })
  assert.deepEqual(fleet.reader.list(), [])
  assert.equal(fleet.runs.count, 0)
  assert.deepEqual(fleet.parts.assignments.list(), [])
  await fleet.start({ images }, 'key')
})

it('a dry run says what would be, and keeps nothing', async (t) => {
  const fleet = await openWith(t, 'n1', 'n2')
  const plan = await fleet.plans.tryOut({ images, simulate: {} })
  assert.equal(plan.id, null)
  assert.equal(plan.progress.nodes.total, 2)
  assert.equal(plan.progress.wantedBytes, 2 * LAYER_BYTES)
  assert.ok((plan.prediction.seconds ?? 0) > 0)
  assert.equal(plan.simulation?.unfinishedNodes, 0)
  assert.deepEqual(fleet.reader.list(), [])
  assert.deepEqual(fleet.parts.assignments.list(), [])
})

it('requests with one key that come together make one plan, and each is told of it', async (t) => {
  const fleet = await openWith(t, 'n1')
  const ids = await Promise.all(Array.from({ length: 5 }, () => fleet.start({ images }, 'key')))
  assert.equal(new Set(ids).size, 1)
  assert.equal(fleet.reader.list().length, 1)
  assert.notEqual(await fleet.start({ images }, 'other'), ids[0])
  assert.notEqual(await fleet.start({ images }), await fleet.start({ images }))
})

it('a key whose request was refused may come again', async (t) => {
  const fleet = await openWith(t, 'n1')
  const wrong: PrefetchRequest = { images: [{ image: 'none', all: true }] }
  const answers = await Promise.allSettled([fleet.start(wrong, 'key'), fleet.start({ images }, 'key')])
  assert.deepEqual(
    answers.map(({ status }) => status),
    ['rejected', 'fulfilled'],
  )
})

it('a plan asks for the import of an image that is not there, and goes on when it is', async (t) => {
  const fleet = await openFleet(t)
  await fleet.addNodes(['n1'])
  await fleet.addImage('image', [])
  const plan = await fleet.start({ images })
  assert.deepEqual(fleet.requested, ['image'])
  assert.equal(fleet.state(plan), 'running')
  assert.equal(fleet.show(plan).progress.slowest[0]?.reason?.code, 'importing')
  assert.deepEqual(fleet.claims(plan), {})
  await fleet.pass(10)
  assert.deepEqual(fleet.requested, ['image'], 'once')
  await fleet.addImage('image', [1])
  await fleet.pass(1)
  assert.deepEqual(fleet.claims(plan), { n1: [one] })
  await fleet.pass(1, { bytesPerSecond: LAYER_BYTES })
  assert.equal(fleet.state(plan), 'done')
})

it('an import ends with the last plan that wants it', async (t) => {
  const fleet = await openFleet(t)
  await fleet.addNodes(['n1'])
  await fleet.addImage('image', [])
  const [first, second] = [await fleet.start({ images }), await fleet.start({ images })]
  await fleet.plans.cancel(first, { drops: false })
  assert.deepEqual(fleet.cancelled, [])
  assert.equal(fleet.show(second).progress.slowest[0]?.reason?.code, 'importing')
  await fleet.plans.cancel(second, { drops: false })
  assert.deepEqual(fleet.cancelled, ['image'], 'though the first one asked for it')
  const third = await fleet.start({ images })
  assert.deepEqual(fleet.requested, ['image', 'image'])
  await fleet.plans.cancel(third, { drops: false })
  assert.deepEqual(fleet.cancelled, ['image', 'image'])
})

it('a plan whose image is withdrawn fails, says why, and wants nothing any more', async (t) => {
  const fleet = await openWith(t, 'n1')
  const plan = await fleet.start({ images })
  await fleet.deactivate('image')
  await fleet.pass(1)
  const { state, error, finishedAt } = fleet.show(plan)
  assert.deepEqual([state, error?.code], ['failed', 'SHOAL_IMAGE_DEACTIVATED'])
  assert.notEqual(finishedAt, null)
  assert.deepEqual(fleet.claims(plan), {})
  assert.equal(fleet.runs.has(plan), false)
  assert.equal((await fleet.events(plan)).filter((type) => type === 'plan.image-failed').length, 1)
})

it('a plan of which nothing can be met fails at once', async (t) => {
  const fleet = await openWith(t, 'n1')
  const plan = await fleet.start({ images: [{ image: 'image', rack: 'nowhere' }] })
  const { state, error, unmet } = fleet.show(plan)
  assert.deepEqual([state, error?.code, unmet[0]?.reason], ['failed', 'SHOAL_PLAN_UNMET', 'no-nodes'])
})

it('a plan that is not done in time is given up, and takes back what it wanted', async (t) => {
  const fleet = await openWith(t, 'n1')
  const plan = await fleet.start({ images, expiresAt: at(MINUTE_MS) })
  await fleet.pass(59)
  assert.equal(fleet.state(plan), 'running')
  await fleet.pass(1)
  const { state, error } = fleet.show(plan)
  assert.deepEqual([state, error?.code], ['expired', 'SHOAL_PLAN_EXPIRED'])
  assert.deepEqual(fleet.claims(plan), {})
  await fleet.restart()
  await fleet.pass(2)
  assert.equal(fleet.state(plan), 'expired')

  await fleet.plans.retry(plan)
  assert.equal(fleet.state(plan), 'running')
  assert.deepEqual(fleet.claims(plan), { n1: [one] })
  assert.ok(Date.parse(fleet.show(plan).expiresAt) > fleet.clock.now())
  await fleet.pass(1, { bytesPerSecond: LAYER_BYTES })
  assert.equal(fleet.state(plan), 'done')
})

it('a plan that is late says so once, and goes on', async (t) => {
  const fleet = await openWith(t, 'n1')
  const plan = await fleet.start({ images, deadline: at(10_000) })
  await fleet.pass(9)
  assert.deepEqual(await fleet.events(plan), ['plan.created', 'plan.running'])
  await fleet.pass(20)
  assert.deepEqual(await fleet.events(plan), ['plan.created', 'plan.running', 'plan.late'])
  await fleet.pass(1, { bytesPerSecond: LAYER_BYTES })
  assert.equal(fleet.state(plan), 'done')
})

it('what a plan has brought stays pinned until its time after it is done, over a restart too', async (t) => {
  const fleet = await openWith(t, 'n1')
  const plan = await fleet.start({ images, pinnedUntil: at(5 * MINUTE_MS) })
  await fleet.pass(1, { bytesPerSecond: LAYER_BYTES })
  assert.equal(fleet.state(plan), 'done')
  assert.equal(fleet.told('n1', one)?.pinnedUntil, at(5 * MINUTE_MS))
  await fleet.restart()
  await fleet.pass(200)
  assert.deepEqual(fleet.claims(plan), { n1: [one] })
  await fleet.pass(99)
  assert.deepEqual(fleet.claims(plan), {})
  assert.deepEqual(fleet.parts.assignments.dropped('n1'), [], 'it stays for as long as it is worth it')
})

it('retries that come together carry the plan out once', async (t) => {
  const fleet = await openWith(t, 'n1')
  const plan = await fleet.start({ images })
  await fleet.plans.cancel(plan, { drops: false })
  await Promise.all([fleet.plans.retry(plan), fleet.plans.retry(plan), fleet.runs.tick()])
  assert.equal(fleet.runs.count, 1)
  await fleet.pass(1)
  assert.deepEqual(fleet.claims(plan), { n1: [one] })
  await fleet.plans.cancel(plan, { drops: false })
  await fleet.pass(1)
  assert.deepEqual(fleet.claims(plan), {})
})

it('who waits for nine nodes of ten is told when they are ready, and not before', async (t) => {
  const names = Array.from({ length: 10 }, (_, index) => `n${index}`)
  const fleet = await openWith(t, ...names)
  const plan = await fleet.start({ images })
  let isOver = false
  const waiting = fleet.reader.wait(plan, { readyShare: 0.9, timeoutMs: MINUTE_MS, signal })
  void waiting.then(() => {
    isOver = true
  })
  for (const name of names.slice(0, 8)) await fleet.pass(1, { bytesPerSecond: LAYER_BYTES, only: [name] })
  assert.equal(isOver, false, 'eight of ten')
  // The report alone ends the wait, before plans are looked at.
  fleet.fetch('n8', LAYER_BYTES)
  await fleet.report('n8')
  const { reached, isEnded, plan: shown } = await waiting
  assert.deepEqual([reached, isEnded, shown.progress.nodes.ready, shown.state], [true, false, 9, 'running'])
})

it('who waits is told when the time is over, or the plan', async (t) => {
  const fleet = await openWith(t, 'n1', 'n2')
  const plan = await fleet.start({ images })
  const waiting = fleet.reader.wait(plan, { readyShare: 1, timeoutMs: 5000, signal })
  fleet.clock.advance(5000)
  assert.deepEqual((await waiting).reached, false)
  const again = fleet.reader.wait(plan, { readyShare: 1, timeoutMs: MINUTE_MS, signal })
  await fleet.plans.cancel(plan, { drops: false })
  const { reached, isEnded } = await again
  assert.deepEqual([reached, isEnded], [false, true])
})

it('the stream of a plan tells where it is at once, then what is new, and ends with it', async (t) => {
  const fleet = await openWith(t, 'n1', 'n2')
  const plan = await fleet.start({ images })
  const updates: PlanUpdate[] = []
  const reading = (async () => {
    for await (const update of fleet.reader.updates(plan, { signal })) updates.push(update)
  })()
  await fleet.pass(3, { bytesPerSecond: LAYER_BYTES, only: ['n1'] })
  await fleet.pass(3, { bytesPerSecond: LAYER_BYTES })
  await reading
  assert.equal(updates[0]?.progress.nodes.ready, 0)
  assert.ok(updates.some(({ progress }) => progress.nodes.ready === 1))
  assert.deepEqual([updates.at(-1)?.state, updates.at(-1)?.progress.nodes.ready], ['done', 2])
  const late: PlanUpdate[] = []
  for await (const update of fleet.reader.updates(plan, { signal })) late.push(update)
  assert.deepEqual(
    late.map(({ state }) => state),
    ['done'],
  )
})

it('the origin is told how urgent layers are, and that they are not any more', async (t) => {
  const fleet = await openWith(t, 'n1')
  const plan = await fleet.start({ images, priority: 88 })
  await fleet.pass(1)
  assert.equal(fleet.originTerms.get(one)?.priority, 88)
  await fleet.plans.cancel(plan, { drops: false })
  await fleet.pass(1)
  assert.notEqual(fleet.originTerms.get(one)?.priority, 88)
})
