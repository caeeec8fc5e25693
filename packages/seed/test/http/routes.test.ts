import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { createClient, type Inventory, type NodeRegistration } from '@shoal/api'
import { buildHeld } from '../nodes/known-layers.ts'
import { createFixture, MIB, rawImage } from '../seed-fixture.ts'

const idle: Inventory = {
  layers: [],
  diskFreeBytes: 1,
  diskUsedBytes: 1,
  downBytesPerSecond: 0,
  upBytesPerSecond: 0,
  load1: 0,
}

function registration(swarmAddress: string, change: Partial<NodeRegistration> = {}): NodeRegistration {
  const swarmPeerId = Buffer.from(swarmAddress.padEnd(20, '.')).toString('hex').slice(0, 40)
  const rest = { zone: 'z1', rack: 'r1', dhtAddress: null, apiUrl: null, capacityBytes: 1, version: '1' }
  return { ...rest, swarmAddress, swarmPeerId, ...change }
}

async function listen(t: TestContext): Promise<string> {
  const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => new Promise<void>((resolve) => server.close(() => resolve())))
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('nodes', () => {
  it('are told where everything is and whether they can be reached', async (t) => {
    const fixture = await createFixture(t)
    const seed = await fixture.start()
    const node = createClient({ baseUrl: seed.url, token: seed.nodeToken })
    const address = await listen(t)
    const body = registration(address, { dhtAddress: '127.0.0.1:7000' })
    const enrollment = await node.registerNode({ params: { node: 'n1' }, body })
    const status = await fixture.client.status()
    assert.equal(enrollment.reachable, true)
    assert.deepEqual(enrollment.publicKeys, [status.publicKey])
    assert.deepEqual(enrollment.trackers, status.tracker.announceUrls)
    assert.deepEqual(enrollment.dhtBootstrap, [status.dht.address])
    assert.equal(enrollment.originAddress, status.swarm.address)

    const second = await node.registerNode({ params: { node: 'n2' }, body: registration('127.0.0.1:9') })
    assert.equal(second.reachable, false)
    assert.match(second.reachability, /nothing listens there/)
    assert.deepEqual(second.dhtBootstrap, [status.dht.address, '127.0.0.1:7000'])
    const states = (await fixture.client.listNodes()).nodes.map(({ id, state }) => [id, state])
    assert.deepEqual(states, [
      ['n1', 'ready'],
      ['n2', 'unreachable'],
    ])
    await fixture.event('node.unreachable', (event) => event.node === 'n2')
    await assert.rejects(node.listNodes(), { code: 'SHOAL_HTTP_FORBIDDEN' })
    await assert.rejects(node.heartbeat({ params: { node: 'n3' }, body: { inventory: idle, events: [] } }), {
      code: 'SHOAL_NODE_UNKNOWN',
    })
  })

  it('are lost without heartbeats and return with one; their events are told once', async (t) => {
    const fixture = await createFixture(t, { 'nodes.heartbeatIntervalMs': '40', 'nodes.lostAfterHeartbeats': '3' })
    const seed = await fixture.start()
    const node = createClient({ baseUrl: seed.url, token: seed.nodeToken })
    const params = { node: 'n1' }
    await node.registerNode({ params, body: registration(await listen(t)) })
    await fixture.event('node.lost')
    const banned = { at: new Date().toISOString(), type: 'peer.banned', message: 'bad block', details: { block: 3 } }
    const unknown = { at: new Date().toISOString(), type: 'node.exploded', message: 'no such type', details: {} }
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await node.heartbeat({ params, body: { inventory: idle, events: [banned, unknown] } })
    }
    await fixture.event('node.returned')
    const { events } = await fixture.client.listEvents({ query: { limit: 1000 } })
    const told = events.filter((event) => event.node === 'n1' && !event.type.startsWith('node.'))
    assert.deepEqual(
      told.map(({ type, message }) => [type, message]),
      [['peer.banned', 'bad block']],
    )
    await fixture.client.removeNode({ params })
    await assert.rejects(fixture.client.showNode({ params }), { code: 'SHOAL_NODE_UNKNOWN' })
  })
})

describe('assignments', () => {
  it('reach the node by the push channel at once and survive a restart', async (t) => {
    const fixture = await createFixture(t)
    const image = await fixture.addImage('image', rawImage(MIB))
    const seed = await fixture.start()
    const { layer } = await fixture.import(image)
    assert.ok(layer !== null)
    const node = createClient({ baseUrl: seed.url, token: seed.nodeToken })
    for (const [name, rack] of [
      ['n1', 'r1'],
      ['n2', 'r1'],
      ['n3', 'r2'],
    ] as const) {
      await node.registerNode({ params: { node: name }, body: registration(await listen(t), { rack }) })
    }
    const stream = node.watchDesired({ params: { node: 'n1' } })[Symbol.asyncIterator]()
    const first = await stream.next()
    assert.equal(first.value?.data.revision, 0)
    const result = await fixture.client.assign({ body: { layer, nodes: ['n1', 'n2', 'nowhere'], priority: 70 } })
    assert.deepEqual(result, { assigned: ['n1', 'n2'], unknown: ['nowhere'] })
    const pushed = await stream.next()
    assert.ok((pushed.value?.data.revision ?? 0) > 0)
    await stream.return?.()

    const held = { state: 'fetching', presentBytes: 5, sizeBytes: MIB, fromOriginBytes: 5, fromPeersBytes: 0 } as const
    const layers = [{ ...held, digest: layer, uploadedBytes: 0, peers: 1, error: null }]
    const beat = await node.heartbeat({ params: { node: 'n2' }, body: { inventory: { ...idle, layers }, events: [] } })
    const state = await node.desiredState({ params: { node: 'n1' } })
    assert.equal(state.revision, beat.revision)
    const { swarmAddress } = await fixture.client.showNode({ params: { node: 'n2' } })
    assert.deepEqual(state.assignments[0]?.peers, [swarmAddress])
    assert.equal(state.assignments[0]?.priority, 70)
    const shown = await fixture.client.showLayer({ params: { layer } })
    assert.deepEqual([shown.nodesAssigned, shown.nodesPartial, shown.nodesComplete], [2, 1, 0])

    await fixture.client.assign({ body: { layer, rack: 'r2' } })
    await fixture.stop()
    await fixture.start()
    const page = await fixture.client.listAssignments({ query: { limit: 2 } })
    assert.deepEqual(
      page.assignments.map((assignment) => assignment.node),
      ['n1', 'n2'],
    )
    const rest = await fixture.client.listAssignments({ query: { limit: 2, after: page.next ?? '' } })
    assert.deepEqual([rest.assignments.map((assignment) => assignment.node), rest.next], [['n3'], null])
    assert.deepEqual(await fixture.client.unassign({ body: { layer } }), { removed: 3 })
    assert.deepEqual((await fixture.client.desiredState({ params: { node: 'n1' } })).assignments, [])
  })

  it('end with the report of a node that had to evict the layer, and begin anew when it is assigned again', async (t) => {
    const fixture = await createFixture(t)
    const seed = await fixture.start()
    const { layer } = await fixture.import(await fixture.addImage('image', rawImage(MIB)))
    assert.ok(layer !== null)
    const node = createClient({ baseUrl: seed.url, token: seed.nodeToken })
    const params = { node: 'n1' }
    await node.registerNode({ params, body: registration(await listen(t)) })
    const pinnedUntil = '2026-01-31T16:00:00.000Z'
    await fixture.client.assign({ body: { layer, nodes: ['n1'], pinnedUntil: '2026-01-31T18:00:00+02:00' } })
    const desired = () => node.desiredState({ params })
    const [assigned] = (await desired()).assignments
    assert.equal(assigned?.pinnedUntil, pinnedUntil)
    const [listed] = (await fixture.client.listAssignments()).assignments
    assert.deepEqual([listed?.createdAt, listed?.pinnedUntil], [assigned.assignedAt, pinnedUntil])

    const stream = node.watchDesired({ params })[Symbol.asyncIterator]()
    const before = (await stream.next()).value?.data.revision ?? 0
    const evictedAssignment = assigned.assignedAt ?? ''
    const evicted = buildHeld(layer, { state: 'evicted', presentBytes: 0, evictedAssignment })
    const at = new Date().toISOString()
    const event = { at, type: 'layer.evicted', layer, message: 'It had to go.', details: { reason: 'space' } }
    const body = { inventory: { ...idle, layers: [evicted] }, events: [event], uses: [{ layer, uses: 3 }] }
    const answer = await node.heartbeat({ params, body })
    assert.ok(answer.revision > before)
    assert.equal((await stream.next()).value?.data.revision, answer.revision)
    await stream.return?.()
    const [facts] = answer.layers ?? []
    assert.deepEqual([facts?.layer, facts?.bootBytes, facts?.replicas.rack], [layer, 0, 0])
    assert.ok((facts?.useShare ?? 0) > 0.5)
    assert.deepEqual((await desired()).assignments, [])
    const shown = await fixture.client.showLayer({ params: { layer } })
    assert.deepEqual([shown.nodesAssigned, shown.nodesComplete, shown.nodesPartial], [0, 0, 0])

    // Sent again, as when the answer was lost.
    assert.equal((await node.heartbeat({ params, body })).revision, answer.revision)
    const { events } = await fixture.client.listEvents({ query: { limit: 1000 } })
    const told = events.filter(({ type }) => type === 'layer.evicted' || type === 'layer.unassigned')
    assert.deepEqual(
      told.map(({ type, node, message, details }) => [type, node, message, details]),
      [['layer.evicted', 'n1', 'It had to go.', { reason: 'space' }]],
    )

    await fixture.client.assign({ body: { layer, nodes: ['n1'] } })
    await node.heartbeat({ params, body })
    await fixture.stop()
    const again = await fixture.start()
    const [anew] = (await fixture.client.desiredState({ params })).assignments
    assert.ok((anew?.assignedAt ?? '') > evictedAssignment)
    assert.equal(anew?.pinnedUntil, null)
    // What was used is known after a restart, too.
    const later = createClient({ baseUrl: again.url, token: again.nodeToken })
    const [known] = (await later.heartbeat({ params, body: { inventory: body.inventory, events: [] } })).layers ?? []
    assert.ok((known?.useShare ?? 0) > 0.5)
  })

  it('need a layer, nodes, and a time that there is', async (t) => {
    const fixture = await createFixture(t)
    await fixture.start()
    const layer = `sha256:${'0'.repeat(64)}`
    const own = (await fixture.import(await fixture.addImage('image', rawImage(MIB)))).layer ?? ''
    for (const pinnedUntil of ['2026-06-30T23:59:60Z', '9999-12-31T23:59:59-12:00']) {
      await assert.rejects(fixture.client.assign({ body: { layer: own, all: true, pinnedUntil } }), {
        code: 'SHOAL_ASSIGNMENT_TIME',
      })
    }
    await assert.rejects(fixture.client.assign({ body: { layer, nodes: ['n1'] } }), { code: 'SHOAL_LAYER_UNKNOWN' })
    await assert.rejects(fixture.client.verifyLayer({ params: { layer } }), { code: 'SHOAL_LAYER_UNKNOWN' })
    const image = '00000000-0000-4000-8000-000000000000'
    await assert.rejects(fixture.client.importImage({ params: { image } }), { code: 'SHOAL_IMAGE_UNKNOWN' })
    await assert.rejects(fixture.client.showImage({ params: { image } }), { code: 'SHOAL_IMAGE_UNKNOWN' })
  })
})

describe('the seed', () => {
  it('has metrics, probes and its reference', async (t) => {
    const fixture = await createFixture(t)
    const image = await fixture.addImage('image', rawImage(MIB))
    const seed = await fixture.start()
    await fixture.import(image)
    const headers = { authorization: `Bearer ${seed.operatorToken}` }
    const text = await (await fetch(`${seed.url}/metrics`, { headers })).text()
    for (const line of [
      `shoal_library_read_bytes_total ${MIB}`,
      'shoal_library_requests_total 1',
      'shoal_seed_layers{state="published"} 1',
      'shoal_seed_images{state="published"} 1',
      'shoal_seed_nodes{state="ready"} 0',
      'shoal_seed_uploaded_bytes_total 0',
      'shoal_import_seconds_count{outcome="published"} 1',
      'shoal_library_reachable 1',
    ]) {
      assert.ok(text.includes(line), line)
    }
    assert.equal((await fetch(`${seed.url}/readyz`)).status, 200)
    const openapi = (await (await fetch(`${seed.url}/openapi.json`)).json()) as { paths: Record<string, unknown> }
    assert.ok('/v1/assignments' in openapi.paths)
  })

  it('streams events on from an id over its own restart', async (t) => {
    const fixture = await createFixture(t)
    await fixture.start()
    await fixture.addImage('a', rawImage(MIB))
    const { id } = await fixture.event('image.discovered')
    await fixture.stop()
    const second = await fixture.addImage('b', rawImage(MIB))
    await fixture.start()
    for await (const event of fixture.client.streamEvents({
      lastEventId: String(id),
      signal: AbortSignal.timeout(10_000),
    })) {
      assert.equal(event.data.image, second)
      assert.ok(event.data.id > id)
      break
    }
  })
})
