import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createClient, type LayerInventory } from '@shoal/api'
import { buildHeld } from '../nodes/known-layers.ts'
import { createFixture, MIB, rawImage } from '../seed-fixture.ts'
import { buildRegistration } from './simulated-fleet.ts'

it('over HTTP a node that is removed and registers again is asked again, and a plan ends when it has all', async (t) => {
  const fixture = await createFixture(t)
  const seed = await fixture.start()
  const image = await fixture.addImage('image', rawImage(MIB))
  const { layer } = await fixture.import(image)
  assert.ok(layer !== null)
  const node = createClient({ baseUrl: seed.url, token: seed.nodeToken })
  const params = { node: 'n1' }
  const register = () => node.registerNode({ params, body: buildRegistration() })
  const beat = (...layers: LayerInventory[]) => {
    const inventory = { layers, diskFreeBytes: 1e12, diskUsedBytes: 0, downBytesPerSecond: 0, upBytesPerSecond: 0 }
    return node.heartbeat({ params, body: { inventory: { ...inventory, load1: 0 }, events: [] } })
  }
  await register()
  await beat()
  const { client } = fixture
  const plan = await client.createPrefetch({ body: { images: [{ image, all: true }] } })
  assert.equal(plan.state, 'running')
  const wanted = async () => (await node.desiredState({ params })).assignments.map((assignment) => assignment.layer)
  assert.deepEqual(await wanted(), [layer])

  await client.removeNode({ params })
  await register()
  const signal = AbortSignal.timeout(20_000)
  for await (const { data } of node.watchDesired({ params, signal })) {
    if (data.revision > 0 && (await wanted()).includes(layer)) break
  }
  const waiting = client.waitPrefetch({ params: { plan: plan.id ?? '' }, query: { timeoutSeconds: 20 } })
  const { sizeBytes } = await client.showLayer({ params: { layer } })
  await beat(buildHeld(layer, { sizeBytes, presentBytes: sizeBytes }))
  assert.equal((await waiting).reached, true)
  const states: string[] = []
  for await (const { data } of client.streamPrefetch({ params: { plan: plan.id ?? '' }, signal }))
    states.push(data.state)
  assert.equal(states.at(-1), 'done')
})

it('what was uploaded a moment ago may be planned and placed at once, whenever the library is polled next', async (t) => {
  const fixture = await createFixture(t, { 'library.pollIntervalMs': '600000', 'library.sweepIntervalMs': '600000' })
  const seed = await fixture.start()
  const { client } = fixture
  const node = createClient({ baseUrl: seed.url, token: seed.nodeToken })
  await node.registerNode({ params: { node: 'n1' }, body: buildRegistration() })
  const [planned, changed, placed] = [
    await fixture.addImage('planned', rawImage(MIB)),
    await fixture.addImage('changed', rawImage(MIB)),
    await fixture.addImage('placed', rawImage(MIB)),
  ]
  const { id } = await client.createPrefetch({ body: { images: [{ image: planned, all: true }] } })
  const more = await client.changePrefetch({
    params: { plan: id ?? '' },
    body: { images: [planned, changed].map((image) => ({ image, all: true as const })) },
  })
  assert.equal(more.images?.length, 2)
  const inventory = {
    layers: [],
    diskFreeBytes: 1e12,
    diskUsedBytes: 0,
    downBytesPerSecond: 0,
    upBytesPerSecond: 0,
    load1: 0,
  }
  await node.heartbeat({ params: { node: 'n1' }, body: { inventory, events: [] } })
  const { placements } = await client.placeVms({ body: { images: [{ image: placed, vms: 1 }] } })
  assert.deepEqual(
    placements.map(({ node: where, vms }) => [where, vms]),
    [['n1', 1]],
  )
  const nowhere = '00000000-0000-4000-8000-000000000000'
  await assert.rejects(client.createPrefetch({ body: { images: [{ image: nowhere, all: true }] } }), {
    code: 'SHOAL_IMAGE_UNKNOWN',
  })
})
