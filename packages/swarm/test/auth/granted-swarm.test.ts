import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { steadyClock } from '@shoal/core'
import { type AccessRefusal, DEFAULT_LAYER_TERMS, encodeLayerGrant, type Swarm } from '@shoal/swarm'
import { until } from '../../../../test/harness/until.ts'
import { LaneClient } from '../../src/lane/lane-client.ts'
import { createLaneContext } from '../../src/lane/lane-context.ts'
import { buildLayer, completed, layerBuffers, startSwarm, storeLayer } from '../layer-fixture.ts'
import { ProvenWire } from './proven-wire.ts'
import { TestCluster } from './test-cluster.ts'

const MIB = 1024 * 1024
const MINUTE_MS = 60_000

async function refused(swarm: Swarm): Promise<Omit<AccessRefusal, 'address'>> {
  const [{ address: _, ...refusal }] = (await once(swarm, 'refused')) as [AccessRefusal]
  return refusal
}

/** A cluster whose clock is set by hand, with an origin and a node `n0` that both have a layer. */
async function startHolders(t: TestContext, net: string) {
  const time = { now: Date.now() }
  const cluster = new TestCluster({ clock: { now: () => time.now } })
  const { description, data } = buildLayer(2 * MIB)
  const origin = await startSwarm(t, { role: 'origin', node: 'seed', host: `${net}.1` }, cluster.seed('seed').identity)
  // It only gives: it has no grant, and needs none.
  const { identity } = cluster.node('n0', () => undefined)
  const peer = await startSwarm(t, { role: 'peer', node: 'n0', host: `${net}.2` }, identity)
  for (const swarm of [origin, peer]) await swarm.join(await storeLayer(description, data))
  const { infoHash } = description.manifest
  return { time, cluster, description, data, infoHash, holders: { origin, peer } }
}

for (const [index, holder] of (['origin', 'peer'] as const).entries()) {
  test(`a node that has no grant learns nothing of a layer from the ${holder}, and is put out when it asks`, async (t) => {
    const { cluster, infoHash, holders } = await startHolders(t, `127.2.${70 + index}`)
    const swarm = holders[holder]
    const { identity } = cluster.node('n1')
    const options = { address: swarm.address, from: `127.2.${70 + index}.3`, infoHash, identity, node: 'n1' }
    const node = await ProvenWire.open(t, options)
    node.ask()
    await until('both answers', async () => node.said.length === 2, { everyMs: 5 })
    assert.deepEqual(node.said.sort(), ['no block', 'no metadata'])
    const refusal = refused(swarm)
    node.wire.interested()
    assert.deepEqual(await refusal, { kind: 'wire', reason: 'no-grant', node: 'n1' })
    await node.closed
    assert.equal(swarm.stats().uploadedBytes, 0)
  })

  const forger = generateKeyPairSync('ed25519')
  for (const [at, { what, reason, make }] of [
    {
      what: 'a grant of another node',
      reason: 'bad-grant',
      make: (cluster: TestCluster, infoHash: string) => cluster.grant('n2', infoHash),
    },
    {
      what: 'a grant of another layer',
      reason: 'bad-grant',
      make: (cluster: TestCluster) => cluster.grant('n1', '22'.repeat(20)),
    },
    {
      what: 'a grant that has ended',
      reason: 'grant-ended',
      make: (cluster: TestCluster, infoHash: string) => cluster.grant('n1', infoHash, { lifetimeMs: 0 }),
    },
    {
      what: 'a grant that it made itself',
      reason: 'bad-grant',
      make: (_: TestCluster, infoHash: string) =>
        encodeLayerGrant({ node: 'n1', infoHash }, Date.now() + MINUTE_MS, forger.privateKey),
    },
    { what: 'something else', reason: 'bad-grant', make: () => Buffer.alloc(84, 1) },
  ].entries()) {
    test(`a node that shows ${what} is refused by the ${holder}`, async (t) => {
      const { cluster, infoHash, holders } = await startHolders(t, `127.2.${80 + 10 * index + at}`)
      const swarm = holders[holder]
      const { identity } = cluster.node('n1')
      const from = `127.2.${80 + 10 * index + at}.3`
      const node = await ProvenWire.open(t, { address: swarm.address, from, infoHash, identity, node: 'n1' })
      const refusal = refused(swarm)
      node.showGrant(make(cluster, infoHash))
      node.wire.interested()
      node.ask()
      assert.deepEqual(await refusal, { kind: 'wire', reason, node: 'n1' })
      await node.closed
      assert.deepEqual(
        node.said.filter((said) => said !== 'no block'),
        [],
      )
    })
  }

  test(`a node that has no grant is given nothing on a lane of the ${holder} either`, async (t) => {
    const { cluster, description, infoHash, holders } = await startHolders(t, `127.2.${72 + index}`)
    const swarm = holders[holder]
    const { identity } = cluster.node('n1')
    const localHost = `127.2.${72 + index}.3`
    const node = await ProvenWire.open(t, { address: swarm.address, from: localHost, infoHash, identity, node: 'n1' })
    assert.ok(node.lane !== undefined)
    const lane = new LaneClient(createLaneContext({ clock: steadyClock, buffers: layerBuffers }), {
      ...{ host: `127.2.${72 + index}.${index + 1}`, ...node.lane, localHost, peerId: node.peerId },
      auth: { node: 'n1', wantsSealed: false },
    })
    t.after(() => lane.close())
    const refusal = refused(swarm)
    const bytes: number[] = []
    const closed = new Promise<void>((resolve) => {
      const events = { onBlock: () => {}, onReject: () => {}, onHave: () => {} }
      const layer = { infoHash, geometry: description.manifest }
      const channel = lane.join(layer, { ...events, onBytes: (count) => bytes.push(count), onClose: resolve })
      channel.request(0, 1, { urgent: true })
    })
    assert.deepEqual(await refusal, { kind: 'lane', reason: 'no-grant', node: 'n1' })
    await closed
    assert.deepEqual(bytes, [])
    assert.equal(swarm.stats().uploadedBytes, 0)
  })
}

/** A node that gets a layer slowly, with a grant that `own` says. */
async function startSlow(t: TestContext, net: string) {
  const started = await startHolders(t, net)
  const { cluster, description, infoHash, holders } = started
  const granted = { current: cluster.grant('n1', infoHash, { lifetimeMs: 10 * MINUTE_MS }) }
  const { identity } = cluster.node('n1', () => granted.current)
  const taker = await startSwarm(t, { role: 'peer', node: 'n1', host: `${net}.3` }, identity)
  const layer = await storeLayer(description)
  const joined = await taker.join(layer, { ...DEFAULT_LAYER_TERMS, limitBytesPerSecond: 128 * 1024 })
  joined.addPeers([holders.origin.address])
  await until('the first block', async () => joined.stats().fromOriginBytes > 0, { everyMs: 10 })
  return { ...started, granted, taker, joined, layer }
}

test('a grant that ends while its node takes the layer ends that, wire and lane', async (t) => {
  const { time, holders, taker, joined } = await startSlow(t, '127.2.74')
  const refusal = refused(holders.origin)
  time.now += 11 * MINUTE_MS
  assert.deepEqual(await refusal, { kind: 'wire', reason: 'grant-ended', node: 'n1' })
  await until('no wire', async () => taker.stats().connections === 0, { everyMs: 10 })
  const before = joined.stats().fromOriginBytes
  // An honest node does not ask again before it has another.
  joined.addPeers([holders.origin.address, holders.peer.address])
  assert.equal(taker.stats().connections, 0)
  assert.equal(joined.stats().fromOriginBytes, before)
})

test('a grant that is renewed in time goes on without a break', async (t) => {
  const { time, cluster, infoHash, granted, holders, joined } = await startSlow(t, '127.2.75')
  const refusals: AccessRefusal[] = []
  holders.origin.on('refused', (refusal) => refusals.push(refusal))
  const [link] = [holders.origin.stats().connections]
  granted.current = cluster.grant('n1', infoHash)
  // It is shown with the next look, once a second.
  const shownAt = joined.stats().fromOriginBytes + 192 * 1024
  await until('some blocks', async () => joined.stats().fromOriginBytes >= shownAt, { everyMs: 10 })
  time.now += 11 * MINUTE_MS
  const after = joined.stats().fromOriginBytes + 192 * 1024
  await until('more blocks', async () => joined.stats().fromOriginBytes >= after, { everyMs: 10 })
  assert.deepEqual(refusals, [])
  assert.equal(holders.origin.stats().connections, link)
})

test('a node takes a layer from one that only gives, as soon as it has a grant', async (t) => {
  const { cluster, description, data, infoHash, holders } = await startHolders(t, '127.2.76')
  let granted: Buffer | undefined
  const { identity } = cluster.node('n1', () => granted)
  const taker = await startSwarm(t, { role: 'peer', node: 'n1', host: '127.2.76.3' }, identity)
  const refusals: AccessRefusal[] = []
  for (const swarm of [holders.peer, taker]) swarm.on('refused', (refusal) => refusals.push(refusal))
  const layer = await storeLayer(description)
  const joined = await taker.join(layer)
  joined.addPeers([holders.peer.address])
  assert.equal(taker.stats().connections, 0)
  const done = completed(taker)
  granted = cluster.grant('n1', infoHash)
  await done
  assert.ok(data.equals(Buffer.from(await layer.read(0, data.length))))
  assert.deepEqual(refusals, [])
})

test('a seed that lost blocks takes them from nodes without a grant', async (t) => {
  const { cluster, description, holders } = await startHolders(t, '127.2.77')
  const { identity } = cluster.seed('seed2')
  const seed = await startSwarm(t, { role: 'origin', node: 'seed2', host: '127.2.77.3' }, identity)
  const done = completed(seed)
  const joined = await seed.join(await storeLayer(description))
  joined.addPeers([holders.peer.address])
  await done
})
