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
