import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { it } from 'node:test'
import { createClient } from '@shoal/api'
import { createFixture, MIB, rawImage } from '../seed-fixture.ts'

const registration = (id: string) => ({
  ...{ swarmAddress: '127.0.0.1:9', swarmPeerId: id.repeat(20), zone: 'z1', rack: 'r1' },
  ...{ dhtAddress: null, apiUrl: null, capacityBytes: 1024 ** 3, version: '1' },
})

it("a node gets a private image where it is planned, assigned or running there, and on the node's word alone nowhere", async (t) => {
  const fixture = await createFixture(t)
  const image = await fixture.addImage('private', rawImage(MIB), { visibility: 'private' })
  const open = await fixture.addImage('public', rawImage(MIB))
  const seed = await fixture.start()
  const layer = String((await fixture.import(image)).layer)
  await fixture.import(open)
  const node = createClient({ baseUrl: seed.url, token: seed.nodeToken })
  await node.registerNode({ params: { node: 'n1' }, body: registration('61') })
  await node.registerNode({ params: { node: 'n2' }, body: registration('62') })
  const boot = (name: string, id = image) => node.wantBoot({ params: { node: name, image: id } })
  const file = (name: string, id = image) => node.wantFile({ params: { node: name, image: id } })
  const wanted = async (name: string) =>
    (await node.desiredState({ params: { node: name } })).assignments.map((assignment) => assignment.layer)

  for (const name of ['n1', 'n2']) {
    await assert.rejects(boot(name), { code: 'SHOAL_IMAGE_NO_PURPOSE' })
    await assert.rejects(file(name), { code: 'SHOAL_IMAGE_NO_PURPOSE' })
    assert.deepEqual(await wanted(name), [])
  }
  assert.equal((await boot('n2', open)).state, 'ready', 'an image for all needs no purpose')

  await fixture.client.assign({ body: { layer, nodes: ['n1'] } })
  assert.equal((await boot('n1')).state, 'ready')
  await fixture.client.unassign({ body: { layer, nodes: ['n1'] } })
  await assert.rejects(boot('n2'), { code: 'SHOAL_IMAGE_NO_PURPOSE' })
  assert.equal((await wanted('n2')).includes(layer), false)
  const plan = await fixture.client.createPrefetch({ body: { images: [{ image, nodes: ['n2'] }] } })
  assert.equal(plan.state, 'running')
  assert.equal((await file('n2')).state, 'ready')
  const { entries } = await fixture.client.listAudit({ query: { outcome: 'refused' } })
  assert.deepEqual(new Set(entries.map(({ code }) => code)), new Set(['SHOAL_IMAGE_NO_PURPOSE']))
})

it('an operator may let nodes ask for any image', async (t) => {
  const fixture = await createFixture(t, { 'access.trustNodes': 'true' })
  const image = await fixture.addImage('private', rawImage(MIB), { visibility: 'private' })
  const seed = await fixture.start()
  await fixture.import(image)
  const node = createClient({ baseUrl: seed.url, token: seed.nodeToken })
  await node.registerNode({ params: { node: 'n1' }, body: registration('61') })
  assert.equal((await node.wantBoot({ params: { node: 'n1', image } })).state, 'ready')
})

it('an image that is no longer for all stays where it is planned or assigned, and leaves every other node', async (t) => {
  const fixture = await createFixture(t)
  const image = await fixture.addImage('narrowed', rawImage(MIB))
  const seed = await fixture.start()
  const layer = String((await fixture.import(image)).layer)
  const node = createClient({ baseUrl: seed.url, token: seed.nodeToken })
  for (const [name, id] of [
    ['assigned', '61'],
    ['downloading', '62'],
    ['holding', '63'],
    ['without', '64'],
  ] as const) {
    await node.registerNode({ params: { node: name }, body: registration(id) })
  }
  await fixture.client.assign({ body: { layer, nodes: ['assigned'] } })
  await node.wantFile({ params: { node: 'downloading', image } })
  const held = { digest: layer, state: 'complete', presentBytes: MIB, sizeBytes: MIB, error: null } as const
  const counts = { fromOriginBytes: 0, fromPeersBytes: MIB, uploadedBytes: 0, peers: 0 }
  const usage = { diskFreeBytes: 1, diskUsedBytes: MIB, downBytesPerSecond: 0, upBytesPerSecond: 0, load1: 0 }
  const inventory = { layers: [{ ...held, ...counts }], ...usage }
  await node.heartbeat({ params: { node: 'holding' }, body: { events: [], inventory } })

  await writeFile(join(fixture.directory, 'images', 'narrowed.json'), JSON.stringify({ visibility: 'private' }))
  await fixture.event('image.changed', (event) => event.image === image)
  const told = async (name: string) => {
    const { assignments, dropped } = await node.desiredState({ params: { node: name } })
    return {
      keeps: assignments.some((assignment) => assignment.layer === layer),
      drops: dropped?.includes(layer) === true,
    }
  }
  assert.deepEqual(await told('assigned'), { keeps: true, drops: false })
  assert.deepEqual(await told('downloading'), { keeps: false, drops: true })
  assert.deepEqual(await told('holding'), { keeps: false, drops: true })
  assert.deepEqual(await told('without'), { keeps: false, drops: false })
})
