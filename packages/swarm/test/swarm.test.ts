import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { errorCode, ShoalError, silentLogger, systemClock, TransferLimits } from '@shoal/core'
import { type BanEvent, createSwarm, createTracker, type SwarmLayer } from '@shoal/swarm'
import { buildLayer, completed, layerBuffers, startSwarm, storeLayer } from './layer-fixture.ts'

const MIB = 1024 * 1024

/** The same layer with some calls replaced: how a test makes a peer lie or a disk fail. */
function withCalls(
  layer: SwarmLayer,
  calls: Partial<Pick<SwarmLayer, 'readBlock' | 'writeBlock' | 'flush'>>,
): SwarmLayer {
  return new Proxy(layer, {
    get(target, name) {
      const value = Reflect.get(calls, name) ?? Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

test('a layer spreads from the origin to three peers, in about one copy', async (t) => {
  const { description, data } = buildLayer(8 * MIB - 1234)
  const origin = await startSwarm(t, { role: 'origin', node: 'seed', host: '127.0.1.1' })
  await origin.join(await storeLayer(description, data))
  const hosts = ['127.0.1.2', '127.0.1.3', '127.0.1.4']
  const peers = await Promise.all(hosts.map((host, index) => startSwarm(t, { role: 'peer', node: `n${index}`, host })))
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
  const copies = origin.stats().uploadedBytes / data.length
  assert.ok(copies >= 0.99 && copies < 2.5, `seed copies ${copies}`)
})

test('what is present is not fetched again', async (t) => {
  const { description, data } = buildLayer(4 * MIB)
  const origin = await startSwarm(t, { role: 'origin', node: 'seed', host: '127.0.2.1' })
  await origin.join(await storeLayer(description, data))
  const peer = await startSwarm(t, { role: 'peer', node: 'n', host: '127.0.2.2' })
  const layer = await storeLayer(description)
  await layer.writeBlocks(0, data.subarray(0, 3 * MIB))
  const done = completed(peer)
  const swarm = await peer.join(layer)
  swarm.addPeers([origin.address])
  await done
  assert.equal(swarm.stats().fromOriginBytes, MIB)
  assert.equal(origin.stats().uploadedBytes, MIB)
})

test('peers find each other by the DHT alone', async (t) => {
  const { description, data } = buildLayer(MIB)
  const dht = (host: string, bootstrap: string[]) => ({ host, port: 0, bootstrap })
  const origin = await startSwarm(t, { role: 'origin', node: 'seed', host: '127.0.3.1', dht: dht('127.0.3.1', []) })
  await origin.join(await storeLayer(description, data))
  const bootstrap = [origin.dhtAddress ?? '']
  const peer = await startSwarm(t, { role: 'peer', node: 'n', host: '127.0.3.2', dht: dht('127.0.3.2', bootstrap) })
  const done = completed(peer)
  await peer.join(await storeLayer(description))
  await done
  assert.deepEqual(peer.dhtNodes(), bootstrap)
})

test('peers find each other by the tracker alone', async (t) => {
  const { description, data } = buildLayer(MIB)
  const registered = new Map<string, { address: string }>()
  const tracker = createTracker(
    { logger: silentLogger },
    {
      host: '127.0.4.1',
      port: 0,
      announceIntervalMs: 60_000,
      allows: (infoHash) => infoHash === description.manifest.infoHash,
      describe: (peerId) => registered.get(peerId),
    },
  )
  const trackers = await tracker.start()
  t.after(() => tracker.stop())
  const origin = await startSwarm(t, { role: 'origin', node: 'seed', host: '127.0.4.1', trackers })
  registered.set(origin.peerId, { address: origin.address })
  const seeding = await origin.join(await storeLayer(description, data))
  const peer = await startSwarm(t, { role: 'peer', node: 'n', host: '127.0.4.2', trackers })
  registered.set(peer.peerId, { address: peer.address })
  const done = completed(peer)
  await peer.join(await storeLayer(description))
  await done
  assert.ok(seeding.stats().uploadedBytes >= data.length)
  assert.ok(tracker.peers() >= 1)
})

test('a peer that sends a bad block is banned and named, and the layer still arrives whole', async (t) => {
  const { description, data } = buildLayer(4 * MIB)
  const honest = await startSwarm(t, { role: 'origin', node: 'seed', host: '127.0.5.1' })
  await honest.join(await storeLayer(description, data))
  const liar = await startSwarm(t, { role: 'peer', node: 'liar', host: '127.0.5.2' })
  const readBlock = async () => {
    const buffer = await layerBuffers.acquireWhenFree()
    buffer.bytes.fill(0xee)
    return buffer
  }
  await liar.join(withCalls(await storeLayer(description, data), { readBlock }))
  const peer = await startSwarm(t, { role: 'peer', node: 'n', host: '127.0.5.3' })
  const bans: BanEvent[] = []
  peer.on('ban', (event) => bans.push(event))
  const done = completed(peer)
  const layer = await storeLayer(description)
  const swarm = await peer.join(layer)
  swarm.addPeers([honest.address, liar.address])
  await done
  assert.ok(data.equals(await layer.read(0, data.length)))
  assert.ok(bans.length >= 1)
  for (const ban of bans) assert.deepEqual([ban.node, ban.address.split(':')[0]], ['liar', '127.0.5.2'])
})

test('a full disk pauses the layer, says so, and the download goes on when there is room', async (t) => {
  const { description, data } = buildLayer(2 * MIB)
  const origin = await startSwarm(t, { role: 'origin', node: 'seed', host: '127.0.6.1' })
  await origin.join(await storeLayer(description, data))
  const peer = await startSwarm(t, { role: 'peer', node: 'n', host: '127.0.6.2' })
  const layer = await storeLayer(description)
  let isFull = true
  const failing = withCalls(layer, {
    writeBlock: async (block, buffer) => {
      if (isFull) throw new ShoalError('SHOAL_STORE_NO_SPACE', 'full', { hint: 'free some space' })
      await layer.writeBlock(block, buffer)
    },
  })
  const failed = once(peer, 'store-error')
  const done = completed(peer)
  const swarm = await peer.join(failing)
  swarm.addPeers([origin.address])
  const [event] = await failed
  assert.equal(errorCode(event.error), 'SHOAL_STORE_NO_SPACE')
  isFull = false
  await done
  assert.ok(layer.present.isFull)
})

test('two daemons that dial each other end with one wire', async (t) => {
  const { description, data } = buildLayer(2 * MIB)
  const limits = new TransferLimits(systemClock, { upBytesPerSecond: 4 * MIB })
  const left = await startSwarm(t, { role: 'peer', node: 'left', host: '127.0.7.1', limits })
  const right = await startSwarm(t, { role: 'peer', node: 'right', host: '127.0.7.2', limits })
  const halves = [data.subarray(0, MIB), data.subarray(MIB)]
  const done = [completed(left), completed(right)]
  const swarms = await Promise.all(
    [left, right].map(async (peer, index) => {
      const layer = await storeLayer(description)
      await layer.writeBlocks(index * 16, halves[index] ?? data)
      return peer.join(layer)
    }),
  )
  swarms[0]?.addPeers([right.address])
  swarms[1]?.addPeers([left.address])
  await Promise.all(done)
  for (const swarm of swarms) assert.ok(swarm.stats().peers <= 1)
  for (const swarm of swarms) assert.equal(swarm.stats().fromPeersBytes, MIB)
})

test('a layer may be left and joined again many times, also while it is being left, and on a full disk', async (t) => {
  const { description, data } = buildLayer(MIB)
  const origin = await startSwarm(t, { role: 'origin', node: 'seed', host: '127.0.13.1' })
  await origin.join(await storeLayer(description, data))
  const peer = await startSwarm(t, { role: 'peer', node: 'n', host: '127.0.13.2' })
  const layer = await storeLayer(description)
  const full = withCalls(layer, {
    flush: () => Promise.reject(new ShoalError('SHOAL_STORE_NO_SPACE', 'full', { hint: 'free some space' })),
  })
  for (let round = 0; round < 20; round += 1) {
    const swarm = await peer.join(full)
    swarm.addPeers([origin.address])
    void peer.leave(description.manifest.digest)
    await peer.join(full)
    await peer.leave(description.manifest.digest)
  }
  assert.equal(peer.stats().connections, 0)
  const done = completed(peer)
  const swarm = await peer.join(layer)
  swarm.addPeers([origin.address])
  await done
})

test('a peer that is dialled by name is served as one that is dialled by address', async (t) => {
  const { description, data } = buildLayer(3 * MIB)
  const dialled = await startSwarm(t, { role: 'peer', node: 'dialled', host: '127.0.0.1' })
  const dialler = await startSwarm(t, { role: 'peer', node: 'dialler', host: '127.0.0.1' })
  const done = [completed(dialled), completed(dialler)]
  const last = await storeLayer(description)
  await last.writeBlocks(32, data.subarray(2 * MIB))
  await dialled.join(last)
  const first = await storeLayer(description)
  await first.writeBlocks(0, data.subarray(0, 2 * MIB))
  const swarm = await dialler.join(first)
  swarm.addPeers([dialled.address.replace('127.0.0.1', 'localhost')])
  await Promise.all(done)
  assert.equal(swarm.stats().uploadedBytes, 2 * MIB)
})

test('a complete layer that loses blocks finds peers again and fetches them', async (t) => {
  const { description, data } = buildLayer(MIB)
  const origin = await startSwarm(t, { role: 'origin', node: 'seed', host: '127.0.14.1' })
  await origin.join(await storeLayer(description, data))
  const peer = await startSwarm(t, { role: 'peer', node: 'n', host: '127.0.14.2' })
  const layer = await storeLayer(description, data)
  const swarm = await peer.join(layer)
  swarm.addPeers([origin.address])
  layer.present.clear(3)
  Object.assign(layer, { presentBytes: layer.presentBytes - 64 * 1024 })
  const done = completed(peer)
  swarm.refresh()
  await done
  assert.equal(swarm.stats().fromOriginBytes, 64 * 1024)
  assert.ok(layer.present.isFull)
})

test('blocks that a failed sync takes away are fetched again before the layer counts as complete', async (t) => {
  const { description, data } = buildLayer(MIB)
  const origin = await startSwarm(t, { role: 'origin', node: 'seed', host: '127.0.15.1' })
  await origin.join(await storeLayer(description, data))
  const peer = await startSwarm(t, { role: 'peer', node: 'n', host: '127.0.15.2' })
  const layer = await storeLayer(description)
  let failures = 0
  const failing = withCalls(layer, {
    flush: async () => {
      if (failures > 0) return
      failures += 1
      layer.present.clear(5)
      Object.assign(layer, { presentBytes: layer.presentBytes - 64 * 1024 })
      throw new ShoalError('SHOAL_STORE_IO', 'sync failed', { hint: 'look at the disk' })
    },
  })
  const done = completed(peer).then(() => layer.present.isFull)
  const swarm = await peer.join(failing)
  swarm.addPeers([origin.address])
  assert.equal(await done, true)
  assert.equal(failures, 1)
})

test('the upload limit holds', async (t) => {
  const { description, data } = buildLayer(12 * MIB)
  const rate = 4 * MIB
  const limits = new TransferLimits(systemClock, { upBytesPerSecond: rate })
  const origin = await startSwarm(t, { role: 'origin', node: 'seed', host: '127.0.8.1', limits })
  await origin.join(await storeLayer(description, data))
  const peer = await startSwarm(t, { role: 'peer', node: 'n', host: '127.0.8.2' })
  const done = completed(peer)
  const startedAt = performance.now()
  const swarm = await peer.join(await storeLayer(description))
  swarm.addPeers([origin.address])
  await done
  const seconds = (performance.now() - startedAt) / 1000
  // The burst of a quarter second comes on top; slower is the machine's business.
  assert.ok((12 * MIB - rate / 4) / seconds <= rate * 1.05, `${seconds} s`)
})

test('a message longer than the protocol needs closes the wire', async (t) => {
  const { description, data } = buildLayer(MIB)
  const origin = await startSwarm(t, { role: 'origin', node: 'seed', host: '127.0.9.1' })
  await origin.join(await storeLayer(description, data))
  const [host, port] = origin.address.split(':')
  const socket = connect({ host: host ?? '', port: Number(port) })
  t.after(() => void socket.destroy())
  await once(socket, 'connect')
  const handshake = Buffer.concat([
    Buffer.from([19]),
    Buffer.from('BitTorrent protocol'),
    Buffer.alloc(8),
    Buffer.from(description.manifest.infoHash, 'hex'),
    Buffer.alloc(20, 'x'),
  ])
  socket.write(handshake)
  await once(socket, 'data')
  socket.resume()
  socket.write(Buffer.from([0x7f, 0xff, 0xff, 0xff, 7]))
  await once(socket, 'close')
  assert.equal(origin.stats().connections, 0)
})

test('a port in use and an address of another machine are coded errors', async (t) => {
  const first = await startSwarm(t, { role: 'peer', node: 'n', host: '127.0.10.1' })
  const port = Number(first.address.split(':')[1])
  const start = async (host: string) => {
    const options = { role: 'peer', node: 'm', host, port, isOpen: true, dht: false, trackers: [] } as const
    const swarm = createSwarm({ clock: systemClock, logger: silentLogger, buffers: layerBuffers }, options)
    t.after(() => swarm.close())
    await swarm.start()
  }
  await assert.rejects(start('127.0.10.1'), (error) => errorCode(error) === 'SHOAL_SWARM_PORT_IN_USE')
  await assert.rejects(start('192.0.2.1'), (error) => errorCode(error) === 'SHOAL_SWARM_ADDRESS')
})

test('a torrent that does not fit its manifest is refused', async (t) => {
  const { description } = buildLayer(MIB)
  const other = buildLayer(2 * MIB)
  const peer = await startSwarm(t, { role: 'peer', node: 'n', host: '127.0.11.1' })
  const layer = await storeLayer({ ...description, torrent: other.description.torrent })
  await assert.rejects(peer.join(layer), (error) => errorCode(error) === 'SHOAL_SWARM_TORRENT_INVALID')
})
