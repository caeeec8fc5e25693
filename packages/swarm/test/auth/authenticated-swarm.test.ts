import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { type AccessRefusal, DEFAULT_LAYER_TERMS, type Swarm, type SwarmEncryption } from '@shoal/swarm'
import bencode from 'bencode'
import { until } from '../../../../test/harness/until.ts'
import { HostilePeer, MESSAGE } from '../hostile-peer.ts'
import { buildLayer, completed, startSwarm, storeLayer } from '../layer-fixture.ts'
import { TappingProxy } from './tapping-proxy.ts'
import { TestCluster } from './test-cluster.ts'

const MIB = 1024 * 1024

/** The next thing a daemon refuses. */
async function refused(swarm: Swarm): Promise<AccessRefusal> {
  const [refusal] = (await once(swarm, 'refused')) as [AccessRefusal]
  return refusal
}

/** An origin with a whole layer, in a cluster of its own. */
async function startOrigin(t: TestContext, host: string, encryption?: SwarmEncryption, cluster = new TestCluster()) {
  const { description, data } = buildLayer(2 * MIB)
  const options = { role: 'origin', node: 'seed', host, zone: 'z', rack: 'r0' } as const
  const identity = cluster.seed('seed').identity
  const origin = await startSwarm(t, { ...options, ...(encryption === undefined ? {} : { encryption }) }, identity)
  const swarm = await origin.join(await storeLayer(description, data))
  return { cluster, description, data, origin, swarm }
}

for (const [index, encryption] of (['off', 'across-racks', 'all'] as const).entries()) {
  test(`nodes that prove who they are exchange a layer, with payload encrypted: ${encryption}`, async (t) => {
    const { cluster, description, data, origin } = await startOrigin(t, `127.2.${index}.1`, encryption)
    const peers = await Promise.all(
      ['n1', 'n2', 'n3'].map((node, at) => {
        const place = { zone: 'z', rack: `r${at % 2}` }
        const options = { role: 'peer', node, host: `127.2.${index}.${at + 2}`, encryption, ...place } as const
        return startSwarm(t, options, cluster.node(node).identity)
      }),
    )
    const refusals: AccessRefusal[] = []
    for (const swarm of [origin, ...peers]) swarm.on('refused', (refusal) => refusals.push(refusal))
    const done = peers.map(completed)
    const layers = await Promise.all(
      peers.map(async (peer) => {
        const layer = await storeLayer(description)
        const swarm = await peer.join(layer)
        swarm.addPeers([origin.address, ...peers.map(({ address }) => address)])
        return layer
      }),
    )
    await Promise.all(done)
    for (const layer of layers) assert.ok(data.equals(await layer.read(0, data.length)))
    assert.deepEqual(refusals, [])
    // Over lanes, which the origin gives by its own choice: about one copy.
    assert.ok(origin.stats().uploadedBytes < 2.5 * data.length)
  })
}

test('who listens sees payload only where it is not encrypted', async (t) => {
  for (const [index, encryption] of (['off', 'across-racks', 'all'] as const).entries()) {
    for (const [at, rack] of ['r0', 'r1'].entries()) {
      const { cluster, description, data, origin } = await startOrigin(t, `127.2.${10 + index}.${10 * at + 1}`)
      const proxy = await TappingProxy.open(t, { target: origin.address, host: `127.2.${10 + index}.${10 * at + 2}` })
      const host = `127.2.${10 + index}.${10 * at + 3}`
      const place = { zone: 'z', rack, encryption }
      const peer = await startSwarm(t, { role: 'peer', node: 'n1', host, ...place }, cluster.node('n1').identity)
      const done = completed(peer)
      const swarm = await peer.join(await storeLayer(description))
      swarm.addPeers([proxy.address])
      await done
      const isSealed = encryption === 'all' || (encryption === 'across-racks' && rack === 'r1')
      assert.ok(proxy.connections.length >= 2, 'a wire and a lane')
      const seen = proxy.seen()
      for (let block = 0; block < 2 * MIB; block += 256 * 1024) {
        assert.equal(seen.includes(data.subarray(block, block + 64)), !isSealed, `${encryption} ${rack}`)
      }
      // What opens lanes crosses in records always, and so does what is asked for.
      assert.equal(seen.includes('5:token'), false)
    }
  }
})

test('a BitTorrent client gets nothing and is put out at its first message', async (t) => {
  const { description, origin, swarm } = await startOrigin(t, '127.2.20.1')
  const { infoHash } = description.manifest
  const refusal = refused(origin)
  const client = await HostilePeer.meet(t, { address: origin.address, from: '127.2.20.2', infoHash })
  client.sendBytes(MESSAGE.extended, Buffer.concat([Buffer.of(0), bencode.encode({ m: { ut_metadata: 1 } })]))
  client.send(MESSAGE.interested)
  client.send(MESSAGE.request, 0, 0, 16_384)
  await client.closed
  const { reason, kind, node } = await refusal
  assert.deepEqual({ reason, kind, node }, { reason: 'no-credential', kind: 'wire', node: null })
  assert.equal(client.uploadedBytes, 0)
  assert.equal(swarm.stats().uploadedBytes, 0)
  assert.deepEqual(
    client.messages.filter(({ id }) => id !== MESSAGE.extended),
    [],
    'no bitfield, no unchoke',
  )
})

test('a client that does not wait for our handshake is put out, whatever it says', async (t) => {
  const { description, origin, swarm } = await startOrigin(t, '127.2.22.1')
  const refusal = refused(origin)
  const [host = '', port] = origin.address.split(':')
  const socket = connect({ host, port: Number(port), localAddress: '127.2.22.2' })
  socket.on('error', () => {})
  const head = Buffer.from('\u0013BitTorrent protocol\0\0\0\0\0\u0010\0\u0004', 'latin1')
  const handshake = Buffer.concat([head, Buffer.from(description.manifest.infoHash, 'hex'), Buffer.alloc(20, 'x')])
  const interested = Buffer.of(0, 0, 0, 1, MESSAGE.interested)
  socket.write(Buffer.concat([handshake, interested]))
  socket.resume()
  assert.equal((await refusal).reason, 'no-credential')
  await once(socket, 'close')
  assert.equal(swarm.stats().peers, 0)
})

test('a client without the extension protocol is put out at its handshake', async (t) => {
  const { description, origin } = await startOrigin(t, '127.2.21.1')
  const refusal = refused(origin)
  const [host = '', port] = origin.address.split(':')
  const socket = connect({ host, port: Number(port), localAddress: '127.2.21.2' })
  socket.on('error', () => {})
  const head = Buffer.concat([Buffer.from('\u0013BitTorrent protocol', 'latin1'), Buffer.alloc(8)])
  socket.write(Buffer.concat([head, Buffer.from(description.manifest.infoHash, 'hex'), Buffer.alloc(20, 'x')]))
  socket.resume()
  assert.equal((await refusal).reason, 'no-credential')
  await once(socket, 'close')
})

for (const [index, { name, reason, make }] of [
  { name: 'no credential', reason: 'no-credential', make: () => undefined },
  {
    name: 'a credential of another cluster',
    reason: 'unknown-authority',
    make: () => new TestCluster().node('n1').identity,
  },
  {
    name: 'a revoked credential',
    reason: 'revoked',
    make: (cluster: TestCluster) => {
      const { identity } = cluster.node('n1')
      cluster.revoke('n1')
      return identity
    },
  },
  {
    name: 'the credential of another node',
    reason: 'wrong-name',
    make: (cluster: TestCluster) => cluster.node('n2').identity,
  },
  {
    name: 'the certificate of another node without its key',
    reason: 'bad-proof',
    make: (cluster: TestCluster) => {
      const { chain } = cluster.node('n2').trust
      const { identity } = cluster.node('n1')
      return { ...identity, credential: () => ({ ...identity.credential(), chain }) }
    },
  },
].entries()) {
  test(`a daemon with ${name} gets no byte`, async (t) => {
    const { cluster, description, origin } = await startOrigin(t, `127.2.${30 + index}.1`)
    const peer = await startSwarm(t, { role: 'peer', node: 'n1', host: `127.2.${30 + index}.2` }, make(cluster))
    // Either may be the first to see it, and closes then.
    const refusal = Promise.race([refused(origin), refused(peer)])
    const layer = await storeLayer(description)
    const swarm = await peer.join(layer)
    swarm.addPeers([origin.address])
    assert.equal((await refusal).reason, reason)
    assert.equal(origin.stats().uploadedBytes, 0)
    assert.equal(layer.presentBytes, 0)
  })
}

test('who says it is the origin without a seed’s certificate is refused', async (t) => {
  const { cluster, description, data, origin } = await startOrigin(t, '127.2.40.1')
  const liar = await startSwarm(t, { role: 'origin', node: 'n1', host: '127.2.40.2' }, cluster.node('n1').identity)
  const swarm = await liar.join(await storeLayer(description, data.subarray(0, MIB)))
  const refusal = refused(origin)
  swarm.addPeers([origin.address])
  const { reason, node } = await refusal
  assert.deepEqual({ reason, node }, { reason: 'wrong-name', node: 'n1' })
})

/** A node that gets a layer slowly, through a proxy that keeps all that is said. */
async function startSlow(t: TestContext, net: string, cluster = new TestCluster()) {
  const started = await startOrigin(t, `${net}.1`, undefined, cluster)
  const proxy = await TappingProxy.open(t, { target: started.origin.address, host: `${net}.2` })
  const { identity } = started.cluster.node('n1')
  const peer = await startSwarm(t, { role: 'peer', node: 'n1', host: `${net}.3` }, identity)
  const joined = await peer.join(await storeLayer(started.description), {
    ...DEFAULT_LAYER_TERMS,
    limitBytesPerSecond: 64 * 1024,
  })
  joined.addPeers([proxy.address])
  await until('the first block', async () => joined.stats().fromOriginBytes > 0, { everyMs: 10 })
  return { ...started, proxy, peer, joined }
}

test('a node that is revoked is put out within seconds, its lanes too', async (t) => {
  const { cluster, proxy, origin, swarm } = await startSlow(t, '127.2.41')
  const refusal = refused(origin)
  const ended = Promise.all(proxy.connections.map(({ server }) => once(server, 'close')))
  const since = performance.now()
  cluster.revoke('n1')
  const { reason, node } = await refusal
  assert.deepEqual({ reason, node }, { reason: 'revoked', node: 'n1' })
  await ended
  assert.ok(performance.now() - since < 5000)
  assert.equal(swarm.stats().peers, 0)
})

test('a node whose certificate runs out is put out within seconds, its lanes too', async (t) => {
  const time = { aheadMs: 0 }
  const cluster = new TestCluster({ clock: { now: () => Date.now() + time.aheadMs } })
  const { proxy, origin, peer, swarm } = await startSlow(t, '127.2.46', cluster)
  assert.equal(proxy.connections.length, 2, 'a wire and a lane')
  const refusal = Promise.race([refused(origin), refused(peer)])
  const ended = Promise.all(proxy.connections.map(({ server }) => once(server, 'close')))
  const since = performance.now()
  // An hour is how long they hold, and five minutes may be between two clocks.
  time.aheadMs = 3_600_000 + 6 * 60_000
  const { reason, kind } = await refusal
  assert.deepEqual({ reason, kind }, { reason: 'expired', kind: 'wire' })
  await ended
  assert.ok(performance.now() - since < 5000)
  assert.equal(swarm.stats().peers, 0)
})

test('a handshake that is said again by somebody else is refused, and costs the node nothing', async (t) => {
  const { proxy, origin, joined } = await startSlow(t, '127.2.42')
  assert.equal(proxy.connections.length, 2, 'a wire and a lane')
  const reasons: string[] = []
  for (const { fromClient } of [...proxy.connections]) {
    const refusal = refused(origin)
    const [host = '', port] = origin.address.split(':')
    const socket = connect({ host, port: Number(port), localAddress: '127.2.42.2' })
    socket.on('error', () => {})
    const said = Buffer.concat(fromClient)
    const isLane = said[0] === 0xd3
    socket.write(isLane ? said : said.subarray(0, 68))
    // A wire's opener waits for the other's handshake.
    await once(socket, 'data')
    socket.resume()
    if (!isLane) socket.write(said.subarray(68))
    const { kind, reason } = await refusal
    reasons.push(`${kind}: ${reason}`)
    if (!socket.destroyed) await once(socket, 'close')
  }
  assert.deepEqual(reasons.sort(), ['lane: bad-proof', 'wire: bad-proof'])
  const before = joined.stats().fromOriginBytes
  await until('the next block', async () => joined.stats().fromOriginBytes > before, { everyMs: 10 })
  assert.equal(proxy.connections.filter(({ server }) => !server.destroyed).length, 2)
})

test('a daemon that is told its own words is not fooled', async (t) => {
  const { description, origin } = await startOrigin(t, '127.2.43.1')
  const refusal = refused(origin)
  const { infoHash } = description.manifest
  const mirror = await HostilePeer.meet(t, { address: origin.address, from: '127.2.43.2', infoHash })
  mirror.onMessage = (id, payload) => mirror.sendBytes(id, payload)
  for (const { id, payload } of mirror.messages) mirror.sendBytes(id, payload)
  assert.equal((await refusal).reason, 'reflected')
  await mirror.closed
})

test('who changes what two daemons say ends their connection, and neither takes it for the other’s', async (t) => {
  const { cluster, description, origin } = await startOrigin(t, '127.2.44.1', 'all')
  let isDone = false
  const proxy = await TappingProxy.open(t, {
    target: origin.address,
    host: '127.2.44.2',
    change: (chunk, direction, at) => {
      // Well behind the handshakes of the first wire.
      if (isDone || direction !== 'fromServer' || at < 1100) return chunk
      isDone = true
      const changed = Buffer.from(chunk)
      const last = changed.length - 1
      changed[last] = (changed[last] ?? 0) ^ 1
      return changed
    },
  })
  const options = { role: 'peer', node: 'n1', host: '127.2.44.3', encryption: 'all' } as const
  const peer = await startSwarm(t, options, cluster.node('n1').identity)
  const bans: unknown[] = []
  peer.on('ban', (ban) => bans.push(ban))
  const refusal = refused(peer)
  const done = completed(peer)
  const swarm = await peer.join(await storeLayer(description))
  swarm.addPeers([proxy.address])
  const { reason } = await refusal
  assert.ok(['tampered', 'bad-proof', 'malformed'].includes(reason), reason)
  // It tries again, and all is well; nobody was blamed.
  await done
  assert.deepEqual(bans, [])
})

test('who says nothing after its handshake is put out', async (t) => {
  const { description, origin } = await startOrigin(t, '127.2.45.1')
  const refusal = refused(origin)
  const { infoHash } = description.manifest
  const silent = await HostilePeer.meet(t, { address: origin.address, from: '127.2.45.2', infoHash })
  assert.equal((await refusal).reason, 'timeout')
  await silent.closed
})
