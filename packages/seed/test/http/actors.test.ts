import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createClient, type EventType } from '@shoal/api'
import { createFixture, MIB, rawImage } from '../seed-fixture.ts'

const registration = {
  ...{ swarmAddress: '127.0.0.1:9', swarmPeerId: '61'.repeat(20), zone: 'z1', rack: 'r1' },
  ...{ dhtAddress: null, apiUrl: null, capacityBytes: 1024 ** 3, version: '1' },
}
const OPERATOR = 'token:operator'

it('the journal tells who did what: an operator, a node, a rule, a plan or the seed itself', async (t) => {
  const fixture = await createFixture(t)
  const image = await fixture.addImage('image', rawImage(MIB))
  const planned = await fixture.addImage('planned', rawImage(MIB))
  const seed = await fixture.start()
  const { client } = fixture
  const node = createClient({ baseUrl: seed.url, token: seed.nodeToken })
  await node.registerNode({ params: { node: 'n1' }, body: registration })
  const layer = String((await fixture.import(image)).layer)
  await client.setLimits({ body: { seedUpBytesPerSecond: 10 * MIB } })
  await client.setLimitsSchedule({ body: { windows: [] } })
  const at = new Date().toISOString()
  const told = { at, type: 'layer.complete', layer, message: 'Complete.', details: {} }
  const inventory = {
    layers: [],
    diskFreeBytes: 1,
    diskUsedBytes: 0,
    downBytesPerSecond: 0,
    upBytesPerSecond: 0,
    load1: 0,
  }
  await node.heartbeat({ params: { node: 'n1' }, body: { events: [told], inventory } })
  await client.assign({ body: { layer, nodes: ['n1'] } })
  await client.unassign({ body: { layer, nodes: ['n1'] } })
  await fixture.event('image.discovered', (event) => event.image === planned)
  const made = await client.createPrefetch({ body: { images: [{ image: planned, all: true }] } })
  const id = String(made.id)
  await fixture.event('import.published', (event) => event.image === planned)
  await client.changePrefetch({ params: { plan: id }, body: { priority: 70 } })
  await client.changePrefetch({ params: { plan: id }, body: { paused: true } })
  await client.cancelPrefetch({ params: { plan: id } })
  await client.putPrefetchRule({
    params: { rule: 'nightly' },
    body: {
      ...{ enabled: false, on: 'schedule', images: { id: image }, cron: '0 2 * * *', timeZone: 'UTC' },
      target: { nodes: ['n1'] },
    },
  })
  const byRule = await client.runPrefetchRule({ params: { rule: 'nightly' } })
  await client.removePrefetchRule({ params: { rule: 'nightly' } })
  await client.removeNode({ params: { node: 'n1' } })

  const { events } = await client.listEvents({ query: {} })
  const actorOf = (type: EventType, about: object) => {
    const found = events.filter(
      (event) => event.type === type && Object.entries(about).every(([key, value]) => event[key as 'plan'] === value),
    )
    assert.equal(found.length > 0, true, type)
    return [...new Set(found.map(({ actor }) => actor))].join()
  }
  const expected: [EventType, object, string][] = [
    ['image.discovered', { image }, 'seed'],
    ['import.queued', { image }, OPERATOR],
    ['import.published', { image }, 'seed'],
    ['import.queued', { image: planned }, `plan:${id}`],
    ['node.registered', { node: 'n1' }, 'node:n1'],
    ['layer.complete', { node: 'n1' }, 'node:n1'],
    ['limits.changed', {}, OPERATOR],
    ['layer.assigned', { layer }, OPERATOR],
    ['layer.unassigned', { layer }, OPERATOR],
    ['plan.created', { plan: id }, OPERATOR],
    ['plan.changed', { plan: id }, OPERATOR],
    ['plan.paused', { plan: id }, OPERATOR],
    ['plan.cancelled', { plan: id }, OPERATOR],
    ['rule.changed', {}, OPERATOR],
    ['plan.created', { plan: byRule.id }, 'rule:nightly'],
    ['node.removed', { node: 'n1' }, OPERATOR],
  ]
  for (const [type, about, actor] of expected)
    assert.equal(actorOf(type, about), actor, `${type} of ${JSON.stringify(about)}`)

  const of = async (actor: string) => (await client.listEvents({ query: { actor } })).events.map((event) => event.actor)
  assert.deepEqual(new Set(await of('node')), new Set(['node:n1']))
  assert.deepEqual(new Set(await of(`plan:${id}`)), new Set([`plan:${id}`]))
  assert.deepEqual(await of('token:op'), [])
  for await (const { data } of client.streamEvents({ query: { after: 0, actor: 'rule' } })) {
    assert.equal(data.plan, byRule.id)
    break
  }
})
