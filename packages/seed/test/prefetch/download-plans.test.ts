import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { PlanSummary } from '@shoal/api'
import { BOOT_PRIORITY } from '../../src/boots/boot-image.ts'
import { layerDigest } from '../nodes/known-layers.ts'
import { LAYER_BYTES, openFleet, type SimulatedFleet } from './simulated-fleet.ts'

const OWN = layerDigest(1)
const BURST_SECONDS = 600
const ASKS_WITHIN_SECONDS = 30

const shown = (fleet: SimulatedFleet): PlanSummary[] => fleet.reader.list({ kind: 'download' })

/** The one plan of downloads that is shown. */
function only(fleet: SimulatedFleet): PlanSummary & { id: string } {
  const [plan, other] = shown(fleet)
  assert.ok(plan !== undefined && plan.id !== null && other === undefined)
  return { ...plan, id: plan.id }
}

async function start(t: Parameters<typeof openFleet>[0], nodes = ['n1', 'n2', 'n3']): Promise<SimulatedFleet> {
  const fleet = await openFleet(t)
  await fleet.addNodes(nodes)
  await fleet.addImage('image', [1])
  return fleet
}

it('nodes that download an image are one plan, which they join as they ask and which ends by itself', async (t) => {
  const fleet = await start(t)
  await fleet.download('n1')
  await fleet.pass(1, { bytesPerSecond: LAYER_BYTES / 4 })
  await fleet.download('n2')
  await fleet.download('n2')
  await fleet.pass(1, { bytesPerSecond: LAYER_BYTES / 4 })
  const plan = only(fleet)
  assert.deepEqual([plan.kind, plan.state, plan.source], ['download', 'running', 'downloads'])
  assert.deepEqual(plan.progress.nodes, { total: 2, waiting: 0, fetching: 2, ready: 0, failed: 0, excluded: 0 })
  const nodes = await fleet.reader.nodes(plan.id)
  assert.deepEqual(
    nodes.map(({ node, presentBytes, wantedBytes }) => [node, presentBytes, wantedBytes]),
    [
      ['n1', LAYER_BYTES / 2, LAYER_BYTES],
      ['n2', LAYER_BYTES / 4, LAYER_BYTES],
    ],
  )
  await fleet.pass(8, { bytesPerSecond: LAYER_BYTES })
  assert.equal(only(fleet).state, 'done')
  assert.equal(fleet.show(plan.id).progress.nodes.ready, 2)
  assert.deepEqual(await fleet.events(plan.id), ['plan.created', 'plan.done'])
  assert.deepEqual(fleet.errors, [])
})

it('is not done for a moment between two nodes that ask shortly after each other', async (t) => {
  const fleet = await start(t)
  await fleet.download('n1')
  await fleet.pass(3, { bytesPerSecond: LAYER_BYTES })
  assert.deepEqual([only(fleet).state, only(fleet).progress.nodes.ready], ['running', 1])
  await fleet.download('n2')
  await fleet.pass(4, { bytesPerSecond: LAYER_BYTES })
  assert.equal(only(fleet).state, 'running')
  await fleet.pass(2)
  assert.deepEqual(await fleet.events(only(fleet).id), ['plan.created', 'plan.done'])
})

it('it is an account: claims, their order and what the origin is told are those of the downloads alone', async (t) => {
  const fleet = await start(t)
  await fleet.download('n1')
  await fleet.pass(2)
  const [told] = fleet.parts.assignments.list()
  assert.deepEqual([told?.owners, told?.priority, told?.wave], [['file'], BOOT_PRIORITY, 0])
  assert.deepEqual(fleet.claims(only(fleet).id), {})
  assert.equal(fleet.originTerms.size, 0)
})

it('a node after the other, as Nova precaches, is one plan still; later ones are another', async (t) => {
  const fleet = await start(t)
  await fleet.download('n1')
  await fleet.pass(10, { bytesPerSecond: LAYER_BYTES })
  const { id, state } = only(fleet)
  assert.equal(state, 'done')
  await fleet.pass(BURST_SECONDS - 20)
  await fleet.download('n2')
  assert.equal(only(fleet).state, 'running')
  await fleet.pass(10, { bytesPerSecond: LAYER_BYTES })
  assert.equal(only(fleet).state, 'done')
  assert.deepEqual(await fleet.events(id), ['plan.created', 'plan.done', 'plan.running', 'plan.done'])
  await fleet.pass(BURST_SECONDS + 10)
  await fleet.download('n3')
  assert.deepEqual(
    shown(fleet).map(({ progress }) => progress.nodes.total),
    [1, 2],
  )
})

it('nodes that wait for the import are in it; one that was given the image by Glance meanwhile holds nobody up', async (t) => {
  const fleet = await openFleet(t)
  await fleet.addNodes(['n1', 'n2'])
  await fleet.addImage('image', [])
  await fleet.download('n1')
  await fleet.download('n2')
  await fleet.pass(2)
  const plan = only(fleet)
  assert.equal(plan.state, 'running')
  assert.deepEqual(
    plan.progress.slowest.map(({ reason }) => reason?.code),
    ['importing', 'importing'],
  )
  await fleet.addImage('image', [1])
  await fleet.download('n1')
  await fleet.pass(ASKS_WITHIN_SECONDS + 5, { bytesPerSecond: LAYER_BYTES })
  const nodes = await fleet.reader.nodes(plan.id)
  assert.deepEqual(
    nodes.map(({ state }) => state),
    ['ready', 'failed'],
  )
  await fleet.pass(fleet.excludeAfterMs / 1000)
  assert.equal(only(fleet).state, 'partly-done')
  await fleet.download('n2')
  await fleet.pass(1)
  assert.equal(only(fleet).state, 'running')
  fleet.node('n2').isUp = false
  await fleet.pass(200 + BURST_SECONDS)
  assert.deepEqual([only(fleet).state, only(fleet).error?.code], ['expired', 'SHOAL_PLAN_EXPIRED'])
})

it('a node that has all of it downloads nothing, and one that had it has not failed when it evicts it', async (t) => {
  const fleet = await start(t)
  await fleet.download('n1')
  await fleet.download('n2')
  await fleet.pass(1, { bytesPerSecond: LAYER_BYTES, only: ['n1'] })
  fleet.evict('n1', OWN)
  await fleet.pass(10, { bytesPerSecond: LAYER_BYTES, only: ['n2'] })
  assert.equal(only(fleet).state, 'done')
  await fleet.pass(BURST_SECONDS + 10)
  await fleet.download('n2')
  assert.equal(shown(fleet).length, 1)
})

it('an image that cannot be had any more ends it', async (t) => {
  const fleet = await start(t)
  await fleet.download('n1')
  await fleet.deactivate('image')
  await fleet.pass(1)
  assert.equal(only(fleet).state, 'failed')
  assert.equal(only(fleet).error?.code, 'SHOAL_IMAGE_DEACTIVATED')
})

it('a crash of the seed loses neither the plan nor who joined it', async (t) => {
  const fleet = await start(t)
  await fleet.download('n1')
  await fleet.download('n2')
  await fleet.pass(1, { bytesPerSecond: LAYER_BYTES, only: ['n1'] })
  await fleet.restart()
  await fleet.addNodes(['n1', 'n2', 'n3'])
  await fleet.pass(1)
  const { id, progress } = only(fleet)
  assert.deepEqual([progress.nodes.total, progress.nodes.ready], [2, 1])
  await fleet.download('n3')
  await fleet.pass(8, { bytesPerSecond: LAYER_BYTES })
  assert.equal(fleet.state(id), 'done')
  await fleet.restart()
  assert.deepEqual(
    (await fleet.reader.nodes(id)).map(({ node }) => node),
    ['n1', 'n2', 'n3'],
  )
})

it('it can be neither changed nor retried, nor cancelled while somebody waits for it', async (t) => {
  const fleet = await start(t)
  await fleet.download('n1')
  const { id } = only(fleet)
  const refused = { code: 'SHOAL_PLAN_OF_DOWNLOADS' }
  await assert.rejects(fleet.plans.change(id, { paused: true }), refused)
  await assert.rejects(fleet.plans.retry(id), refused)
  await assert.rejects(fleet.plans.cancel(id, { drops: true }), refused)
  assert.ok(fleet.isAssigned('n1', OWN))
})

it('cancelled when it is over, it ends the claims of downloads that have ended, and drops what they brought', async (t) => {
  const fleet = await start(t)
  await fleet.download('n1')
  await fleet.pass(8, { bytesPerSecond: LAYER_BYTES })
  const { id } = only(fleet)
  // Another download of the image, of a later burst, is under way.
  await fleet.pass(BURST_SECONDS + 10)
  await fleet.download('n2')
  assert.equal((await fleet.plans.cancel(id, { drops: true })).state, 'done')
  assert.deepEqual(fleet.parts.assignments.dropped('n1'), [OWN])
  assert.ok(!fleet.isAssigned('n1', OWN) && fleet.isAssigned('n2', OWN))
})

it('cancelled when it is over, it leaves a node its claim that downloads the image once more', async (t) => {
  const fleet = await start(t)
  await fleet.download('n1')
  await fleet.pass(8, { bytesPerSecond: LAYER_BYTES })
  const { id } = only(fleet)
  fleet.evict('n1', OWN)
  await fleet.pass(BURST_SECONDS + 10)
  await fleet.download('n1')
  await fleet.pass(1, { bytesPerSecond: LAYER_BYTES / 2 })
  await fleet.plans.cancel(id, { drops: true })
  assert.ok(fleet.isAssigned('n1', OWN))
  assert.deepEqual(fleet.parts.assignments.dropped('n1'), [])
})

it('an import that a download waits for goes on when a plan that wanted it is cancelled', async (t) => {
  const fleet = await openFleet(t)
  await fleet.addNodes(['n1'])
  await fleet.addImage('image', [])
  const plan = await fleet.start({ images: [{ image: 'image', all: true }] })
  await fleet.download('n1')
  await fleet.plans.cancel(plan, { drops: false })
  assert.deepEqual(fleet.cancelled, [])
})
