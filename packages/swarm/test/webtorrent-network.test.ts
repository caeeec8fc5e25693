// What webtorrent says to the network as it comes, and ours must not: docs/webtorrent-defects.md.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createSocket } from 'node:dgram'
import dns from 'node:dns'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { syncBuiltinESMExports } from 'node:module'
import { connect, isIP } from 'node:net'
import { test } from 'node:test'
import { silentLogger } from '@shoal/core'
import { createTracker } from '@shoal/swarm'
import bencode from 'bencode'
import { buildLayer, completed, type LayerDescription, startSwarm, storeLayer } from './layer-fixture.ts'
import { ID, RecordingPeer } from './recording-peer.ts'

const MIB = 1024 * 1024
const LIMIT = { timeout: 30_000 }

test(
  'a daemon opens its listening socket and no other: no uTP, no LSD, no UPnP, no NAT-PMP, no DHT',
  LIMIT,
  async (t) => {
    const sockets = () => process.getActiveResourcesInfo().filter((name) => /^(TCPServer|TCPSocket|UDP)/.test(name))
    // So this must be the first test of the file: sockets of another may still be closing.
    assert.deepEqual(sockets(), [])
    const { description, data } = buildLayer(MIB)
    const swarm = await startSwarm(t, { role: 'peer', node: 'n', host: '127.0.62.1' })
    await swarm.join(await storeLayer(description, data))
    // A connection, so that whatever starts with the first peer has started.
    const peer = await RecordingPeer.dial(t, {
      address: swarm.address,
      from: '127.0.62.2',
      infoHash: description.manifest.infoHash,
    })
    await peer.until(() => peer.extended !== undefined)
    assert.deepEqual(sockets().sort(), ['TCPServerWrap', 'TCPSocketWrap', 'TCPSocketWrap'])
  },
)

test('daemon and tracker listen on the address they were given and on no other', LIMIT, async (t) => {
  const dht = { host: '127.0.61.1', port: 0, bootstrap: [] }
  const swarm = await startSwarm(t, { role: 'peer', node: 'n', host: '127.0.61.1', dht })
  const tracker = createTracker(
    { logger: silentLogger },
    { host: '127.0.61.1', port: 0, announceIntervalMs: 60_000, allows: () => true, describe: () => undefined },
  )
  const [http = '', udp = ''] = await tracker.start()
  t.after(() => tracker.stop())
  const ports = {
    tcp: [portOf(swarm.address), portOf(new URL(http).host)],
    udp: [swarm.dhtAddress ?? '', udp].map(portOf),
  }
  for (const port of ports.tcp) {
    assert.equal(await connectTo('127.0.61.1', port), 'open')
    assert.equal(await connectTo('127.0.61.2', port), 'ECONNREFUSED')
    assert.equal(await connectTo('::1', port), 'ECONNREFUSED')
  }
  for (const port of ports.udp) {
    assert.equal(await bind('127.0.61.1', port), 'EADDRINUSE')
    // With a socket on all addresses, this one would be taken as well.
    assert.equal(await bind('127.0.61.2', port), 'free')
  }
})

test('the handshake offers no exchange of peers and no DHT', LIMIT, async (t) => {
  const { description, data } = buildLayer(MIB)
  const { infoHash } = description.manifest
  const dht = { host: '127.0.63.1', port: 0, bootstrap: [] }
  const swarm = await startSwarm(t, { role: 'peer', node: 'n', host: '127.0.63.1', dht })
  await swarm.join(await storeLayer(description, data))
  const peer = await RecordingPeer.dial(t, { address: swarm.address, from: '127.0.63.2', infoHash })
  await peer.until(() => peer.extended !== undefined)
  const extensions = Object.keys((peer.extended?.m ?? {}) as object)
  assert.ok(extensions.includes('ut_metadata'))
  assert.ok(!extensions.includes('ut_pex'), extensions.join(', '))
  assert.equal((peer.reserved[7] ?? 0) & 1, 0)
})

test('who is dialled is greeted in plain text: nothing is encrypted for nothing', LIMIT, async (t) => {
  const { description } = buildLayer(MIB)
  const { infoHash } = description.manifest
  const swarm = await startSwarm(t, { role: 'peer', node: 'n', host: '127.0.64.1' })
  const joined = await swarm.join(await storeLayer(description))
  const listening = await RecordingPeer.listen(t, { host: '127.0.64.2', infoHash })
  joined.addPeers([listening.address])
  const peer = await listening.first
  assert.equal(peer.infoHash, infoHash)
})

test('an encrypted handshake is not answered', LIMIT, async (t) => {
  const { description, data } = buildLayer(MIB)
  const swarm = await startSwarm(t, { role: 'peer', node: 'n', host: '127.0.68.1' })
  await swarm.join(await storeLayer(description, data))
  const socket = connect({ host: '127.0.68.1', port: portOf(swarm.address) })
  t.after(() => socket.destroy())
  const answer: Buffer[] = []
  socket.on('data', (part) => answer.push(part))
  // What opens message stream encryption: a Diffie-Hellman key of 768 bits.
  socket.write(Buffer.alloc(96, 0x41))
  await once(socket, 'close')
  assert.equal(Buffer.concat(answer).length, 0)
})

test('web seeds and trackers that a torrent names are not asked', LIMIT, async (t) => {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    response.writeHead(404).end()
  }).listen(0, '127.0.65.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as { port: number }
  const url = `http://127.0.65.1:${port}`
  const { description, data } = buildLayer(MIB, { announce: [`${url}/announce`] })
  const withWebSeed = { ...description, torrent: withUrlList(description, `${url}/layer.raw`) }
  const origin = await startSwarm(t, { role: 'origin', node: 'seed', host: '127.0.65.2' })
  await origin.join(await storeLayer(withWebSeed, data))
  const peer = await startSwarm(t, { role: 'peer', node: 'n', host: '127.0.65.3' })
  const done = completed(peer)
  const joined = await peer.join(await storeLayer(withWebSeed))
  joined.addPeers([origin.address])
  await done
  assert.deepEqual(asked, [])
})

test('a DHT node that was given no bootstrap nodes asks no public ones', LIMIT, async (t) => {
  const asked: string[] = []
  const original = dns.lookup
  const lookup = t.mock.method(dns, 'lookup', (name: string, ...rest: unknown[]) => {
    if (isIP(name) === 0) asked.push(name)
    Reflect.apply(original, dns, [isIP(name) === 0 ? '127.0.66.2' : name, ...rest])
  })
  syncBuiltinESMExports()
  t.after(() => {
    lookup.mock.restore()
    syncBuiltinESMExports()
  })
  const { description } = buildLayer(MIB)
  const swarm = await startSwarm(t, {
    role: 'peer',
    node: 'n',
    host: '127.0.66.1',
    dht: { host: '127.0.66.1', port: 0, bootstrap: [] },
  })
  await swarm.join(await storeLayer(description))
  // It has looked the layer's peers up when it was asked to: that is what the join does first.
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(swarm.dhtNodes(), [])
  assert.deepEqual(asked, [])
})

test('joining a complete layer reads nothing of it', LIMIT, async (t) => {
  const { description, data } = buildLayer(4 * MIB)
  const swarm = await startSwarm(t, { role: 'peer', node: 'n', host: '127.0.67.1' })
  const layer = await storeLayer(description, data)
  let readBytes = 0
  const read = layer.read.bind(layer)
  layer.read = (offset, length) => {
    readBytes += length
    return read(offset, length)
  }
  await swarm.join(layer)
  const { infoHash } = description.manifest
  const peer = await RecordingPeer.dial(t, { address: swarm.address, from: '127.0.67.2', infoHash })
  await peer.until(() => peer.of(ID.haveAll).length > 0 || peer.of(ID.bitfield).length > 0)
  assert.equal(readBytes, 0)
})

/** The same torrent with a web seed (BEP 19), which is outside its info. */
function withUrlList({ torrent, manifest }: LayerDescription, url: string): Uint8Array {
  const decoded = bencode.decode(torrent) as { info: Record<string, never> }
  const changed = bencode.encode({ ...decoded, 'url-list': [url] })
  const infoHash = createHash('sha1').update(bencode.encode(decoded.info)).digest('hex')
  assert.equal(infoHash, manifest.infoHash)
  return changed
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1))
}

function connectTo(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    socket.once('connect', () => {
      socket.destroy()
      resolve('open')
    })
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))
  })
}

function bind(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4')
    socket.once('error', (error: NodeJS.ErrnoException) => {
      socket.close()
      resolve(error.code ?? '')
    })
    socket.bind({ address: host, port, exclusive: true }, () => socket.close(() => resolve('free')))
  })
}
