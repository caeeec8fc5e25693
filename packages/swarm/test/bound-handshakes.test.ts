import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { test } from 'node:test'
import WebTorrent from 'webtorrent'
import { type Undo, undoAfter } from '../../../test/harness/undo.ts'
import { boundHandshakes, type ConnectionPool } from '../src/bound-handshakes.ts'
import { encodeTorrent } from '../src/torrent-file.ts'
import { HostilePeer } from './hostile-peer.ts'

const PREAMBLE = Buffer.concat([Buffer.from([0xd3]), Buffer.alloc(47, 7)])
const BITTORRENT = Buffer.from('\u0013BitTorrent protocol', 'latin1')

interface Port {
  readonly server: Server
  readonly pending: Set<Socket>
  readonly lanes: Buffer[]
  /** What BitTorrent connections sent, as it is read from their sockets. */
  readonly wires: { bytes: Buffer }[]
  connect(): Socket
}

/** What webtorrent's pool is to the bounds: it takes connections and keeps them as pending. */
async function listen(undo: Undo, host: string): Promise<Port> {
  const server = createServer()
  const pending = new Set<Socket>()
  const lanes: Buffer[] = []
  const wires: { bytes: Buffer }[] = []
  const pool: ConnectionPool = {
    tcpServer: server,
    _pendingConns: pending,
    _onTCPConnectionBound(socket) {
      pending.add(socket)
      const wire = { bytes: Buffer.alloc(0) }
      wires.push(wire)
      socket.on('error', () => {})
      socket.on('data', (chunk: Buffer) => {
        wire.bytes = Buffer.concat([wire.bytes, chunk])
      })
      // As a pipe does.
      socket.resume()
    },
  }
  const accepted = new Set<Socket>()
  server.on('connection', (socket) => accepted.add(socket))
  boundHandshakes(pool, { onLane: (_socket, first) => lanes.push(first), timeoutMs: 300 })
  server.listen(0, host)
  await once(server, 'listening')
  undo.after(async () => {
    for (const socket of accepted) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    server,
    pending,
    lanes,
    wires,
    connect: () => {
      const socket = connect({ host, port, noDelay: true })
      socket.on('error', () => {})
      undo.after(async () => void socket.destroy())
      return socket
    },
  }
}

/** Writes byte by byte, a turn of the event loop for each. */
async function trickle(socket: Socket, bytes: Buffer): Promise<void> {
  for (const byte of bytes) {
    await new Promise<void>((resolve) => socket.write(Buffer.from([byte]), () => resolve()))
  }
}

const turnsUntil = async (isSo: () => boolean) => {
  const deadline = Date.now() + 5000
  while (!isSo()) {
    assert.ok(Date.now() < deadline, isSo.toString())
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

test('lanes and BitTorrent share a port, however their first bytes are cut', async (t) => {
  const port = await listen(undoAfter(t), '127.41.60.1')
  const rest = Buffer.from('and so on')
  port.connect().write(Buffer.concat([PREAMBLE, rest]))
  port.connect().write(Buffer.concat([BITTORRENT, rest]))
  await turnsUntil(() => port.lanes.length === 1 && port.wires[0]?.bytes.length === BITTORRENT.length + rest.length)
  assert.ok(port.lanes[0]?.equals(Buffer.concat([PREAMBLE, rest])))
  assert.ok(port.wires[0]?.bytes.equals(Buffer.concat([BITTORRENT, rest])))
  await trickle(port.connect(), PREAMBLE)
  await trickle(port.connect(), BITTORRENT)
  await turnsUntil(() => port.lanes.length === 2 && port.wires[1]?.bytes.length === BITTORRENT.length)
  assert.ok(port.lanes[1]?.subarray(0, 48).equals(PREAMBLE))
  assert.ok(port.wires[1]?.bytes.equals(BITTORRENT))
  // Those of BitTorrent are pending until webtorrent has their handshake; lanes are no more.
  assert.equal(port.pending.size, 2)
})

test('a plain BitTorrent client shakes hands with webtorrent as before', async (t) => {
  const undo = undoAfter(t)
  const host = '127.41.63.1'
  const client = new WebTorrent({
    torrentPort: { host, port: 0 },
    utp: false,
    dht: false,
    tracker: false,
    lsd: false,
    natUpnp: false,
    natPmp: false,
  })
  undo.after(() => new Promise<void>((resolve) => client.destroy(() => resolve())))
  await once(client, 'listening')
  boundHandshakes(client._connPool)
  const { torrent, infoHash } = encodeTorrent({
    name: 'layer',
    sizeBytes: 16384,
    pieceLengthBytes: 16384,
    pieceHashes: Buffer.alloc(20),
    announce: [],
  })
  const done = (callback: (error: null) => void) => callback(null)
  const preloadedStore = {
    chunkLength: 16384,
    get: (_index: number, _options: unknown, callback: (error: Error) => void) => callback(new Error('absent')),
    put: (_index: number, _data: Uint8Array, callback: (error: null) => void) => callback(null),
    close: done,
    destroy: done,
  }
  await new Promise((resolve) => client.add(torrent, { preloadedStore, skipVerify: true }, resolve))
  const address = `${host}:${client.address()?.port}`
  const peer = await HostilePeer.meet(t, { address, from: '127.41.63.2', infoHash })
  assert.equal(peer.socket.destroyed, false)
})

test('who says nothing, or not enough in time, is closed', async (t) => {
  const port = await listen(undoAfter(t), '127.41.61.1')
  const silent = port.connect()
  const slow = port.connect()
  slow.write(PREAMBLE.subarray(0, 47))
  await Promise.all([silent, slow].map((socket) => once(socket.resume(), 'close')))
  assert.deepEqual([port.pending.size, port.lanes.length, port.wires.length], [0, 0, 0])
})

test('connections of both kinds that do not shake hands are bounded together for each host', async (t) => {
  const port = await listen(undoAfter(t), '127.41.62.1')
  let closed = 0
  for (let n = 0; n < 80; n += 1) {
    const socket = port.connect()
    socket.on('close', () => {
      closed += 1
    })
    socket.resume()
    if (n % 3 === 0) socket.write(PREAMBLE.subarray(0, 20))
    if (n % 3 === 1) socket.write(BITTORRENT)
  }
  await turnsUntil(() => closed >= 16 && port.wires.length > 0)
  assert.ok(port.pending.size <= 64)
})
