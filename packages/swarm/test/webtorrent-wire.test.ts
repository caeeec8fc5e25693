// What webtorrent does on a wire as it comes, and ours must not do: docs/webtorrent-defects.md. Everything is seen from the
// other end of a real connection, so these tests know nothing of how it is avoided.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { Bitfield, systemClock, TransferLimits, type TransferRates } from '@shoal/core'
import { encodeTorrent, type Swarm, type SwarmLayer } from '@shoal/swarm'
import { buildLayer, completed, type LayerDescription, startSwarm, storeLayer } from './layer-fixture.ts'
import { ID, RecordingPeer } from './recording-peer.ts'

const KIB = 1024
const MIB = 1024 * KIB
const PIECE = 64 * KIB
const REQUEST = 16 * KIB

interface Daemon {
  readonly swarm: Swarm
  readonly layer: SwarmLayer
  readonly meet: (from: string, peerId?: string) => Promise<RecordingPeer>
}

async function daemon(
  t: TestContext,
  host: string,
  description: LayerDescription,
  options: { present?: Uint8Array; rates?: Partial<TransferRates> } = {},
): Promise<Daemon> {
  const { present, rates } = options
  const limits = new TransferLimits(systemClock, rates)
  const swarm = await startSwarm(t, { role: 'peer', node: 'n', host, limits })
  const layer = await storeLayer(description)
  if (present !== undefined) await layer.writeBlocks(0, present)
  await swarm.join(layer)
  const { infoHash } = description.manifest
  const meet = (from: string, peerId = `-XX0000-${from}`.padEnd(20, '-')) =>
    RecordingPeer.dial(t, { address: swarm.address, from, infoHash, peerId })
  return { swarm, layer, meet }
}

/** Says that it wants data, and waits until it may ask. */
async function unchoked(peer: RecordingPeer): Promise<void> {
  peer.send(ID.interested)
  await peer.until(() => peer.of(ID.unchoke).length > 0)
}

async function fetchBlock(peer: RecordingPeer, piece: number, length = REQUEST): Promise<void> {
  const before = peer.receivedBytes
  peer.send(ID.request, piece, 0, length)
  await peer.until(() => peer.receivedBytes === before + length)
}

function askForMib(peer: RecordingPeer): void {
  for (let at = 0; at < MIB; at += REQUEST) peer.send(ID.request, Math.floor(at / PIECE), at % PIECE, REQUEST)
}

/** The pieces that the daemon said it has. */
function announced(peer: RecordingPeer, pieceCount: number): number[] {
  const pieces = new Bitfield(pieceCount, peer.of(ID.bitfield)[0] ?? new Uint8Array())
  if (peer.of(ID.haveAll).length > 0) pieces.setAll()
  for (const have of peer.of(ID.have)) pieces.set(have.readUInt32BE())
  return [...pieces.ones()]
}

test('a leecher that tells what it has is not taken for a seed and choked', { timeout: 30_000 }, async (t) => {
  const { description, data } = buildLayer(MIB)
  const { meet } = await daemon(t, '127.0.41.1', description, { present: data })
  const some = new Bitfield(16)
  some.set(2)
  const says: [name: string, say: (peer: RecordingPeer) => void][] = [
    ['HAVE NONE', (peer) => peer.send(ID.haveNone)],
    ['a bitfield', (peer) => peer.sendBytes(ID.bitfield, some.toBytes())],
    ['nothing', () => {}],
  ]
  for (const [index, [name, say]] of says.entries()) {
    const peer = await meet(`127.0.41.${index + 2}`)
    say(peer)
    await unchoked(peer)
    for (let piece = 0; piece < 15; piece += 1) {
      peer.send(ID.have, piece)
      await fetchBlock(peer, piece)
    }
    assert.equal(peer.of(ID.choke).length, 0, name)
  }
})

test('nobody is choked in turn', { timeout: 30_000 }, async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const { description, data } = buildLayer(MIB)
  const { meet } = await daemon(t, '127.0.42.1', description, { present: data })
  const peer = await meet('127.0.42.2')
  await unchoked(peer)
  // Three rounds of what webtorrent does every ten seconds.
  for (let second = 0; second < 35; second += 1) t.mock.timers.tick(1000)
  await fetchBlock(peer, 0)
  assert.equal(peer.of(ID.choke).length, 0)
})

test('more than ten are served at once', { timeout: 30_000 }, async (t) => {
  const { description, data } = buildLayer(MIB)
  const { meet } = await daemon(t, '127.0.43.1', description, { present: data })
  const peers = await Promise.all(Array.from({ length: 24 }, (_, index) => meet(`127.0.43.${index + 10}`)))
  await Promise.all(peers.map(unchoked))
  await Promise.all(peers.map((peer, index) => fetchBlock(peer, index % 16)))
  for (const peer of peers) assert.equal(peer.of(ID.choke).length, 0)
})

test('what the store does not call present is neither announced nor sent', { timeout: 30_000 }, async (t) => {
  const { description, data } = buildLayer(MIB)
  const { meet } = await daemon(t, '127.0.44.1', description, { present: data.subarray(0, MIB / 2) })
  const peer = await meet('127.0.44.2')
  await unchoked(peer)
  await fetchBlock(peer, 7)
  assert.deepEqual(announced(peer, 16), [0, 1, 2, 3, 4, 5, 6, 7])
  peer.send(ID.request, 8, 0, REQUEST)
  await peer.until(() => peer.of(ID.reject).length === 1)
  assert.equal(peer.receivedBytes, REQUEST)
})

test('an upload limit does not hold up requests and HAVEs', { timeout: 30_000 }, async (t) => {
  const { description, data } = buildLayer(4 * MIB)
  // What the leecher asks for takes a minute; a request that waited for it would, too.
  const limit = { present: data.subarray(0, 2 * MIB), rates: { upBytesPerSecond: REQUEST } }
  const { swarm, meet } = await daemon(t, '127.0.45.1', description, limit)
  const leecher = await meet('127.0.45.2')
  await unchoked(leecher)
  askForMib(leecher)
  await leecher.until(() => leecher.receivedBytes > 0)
  const done = completed(swarm)
  const source = await meet('127.0.45.3')
  source.send(ID.haveAll)
  source.answerWith(({ piece, offset, length }) =>
    data.subarray(piece * PIECE + offset, piece * PIECE + offset + length),
  )
  source.send(ID.unchoke)
  await done
  await leecher.until(() => announced(leecher, 64).length === 64)
  assert.ok(leecher.receivedBytes < MIB / 2)
})

test('a download limit does not hold up what others ask for', { timeout: 30_000 }, async (t) => {
  const { description, data } = buildLayer(4 * MIB)
  const limit = { present: data.subarray(0, 2 * MIB), rates: { downBytesPerSecond: REQUEST } }
  const { swarm, meet } = await daemon(t, '127.0.46.1', description, limit)
  const source = await meet('127.0.46.2')
  source.send(ID.haveAll)
  source.answerWith(({ piece, offset, length }) =>
    data.subarray(piece * PIECE + offset, piece * PIECE + offset + length),
  )
  source.send(ID.unchoke)
  await source.until(() => source.requests.length > 0)
  const leecher = await meet('127.0.46.3')
  await unchoked(leecher)
  askForMib(leecher)
  await leecher.until(() => leecher.receivedBytes === MIB)
  assert.ok(swarm.stats().downloadedBytes < MIB)
})

test('the pieces that fewest have are asked for first, not those at the start', { timeout: 30_000 }, async (t) => {
  const { description } = buildLayer(4 * MIB)
  const { meet } = await daemon(t, '127.0.47.1', description)
  const rare = [40, 41, 42, 43, 44, 45, 46, 47]
  const common = new Bitfield(64)
  common.setAll()
  for (const piece of rare) common.clear(piece)
  for (const host of [2, 3, 4]) {
    const peer = await meet(`127.0.47.${host}`)
    peer.sendBytes(ID.bitfield, common.toBytes())
    peer.send(ID.unchoke)
    await peer.until(() => peer.requests.length > 0)
  }
  const last = await meet('127.0.47.5')
  last.send(ID.haveAll)
  last.send(ID.unchoke)
  const asked = () => new Set(last.requests.map(({ piece }) => piece))
  await last.until(() => asked().size >= 2)
  for (const piece of [...asked()].slice(0, rare.length)) assert.ok(rare.includes(piece), `asked for ${piece}`)
})

test('a client that we do not know is asked for 16 KiB at a time', { timeout: 30_000 }, async (t) => {
  const { description } = buildLayer(4 * MIB, { pieceLengthBytes: MIB })
  const { meet } = await daemon(t, '127.0.48.1', description)
  const peer = await meet('127.0.48.2')
  peer.send(ID.haveAll)
  peer.send(ID.unchoke)
  await peer.until(() => peer.requests.length >= 8)
  for (const { length } of peer.requests) assert.ok(length <= REQUEST, `${length} bytes`)
})

test('128 KiB are sent in one block, and who asks for more is closed', { timeout: 30_000 }, async (t) => {
  const { description, data } = buildLayer(4 * MIB, { pieceLengthBytes: MIB })
  const { meet } = await daemon(t, '127.0.49.1', description, { present: data })
  const peer = await meet('127.0.49.2')
  await unchoked(peer)
  await fetchBlock(peer, 0, 128 * KIB)
  peer.send(ID.request, 0, 0, 128 * KIB + 1)
  await peer.closed
  assert.equal(peer.receivedBytes, 128 * KIB)
})

test('a block comes at once on a connection that the other side opened', {
  timeout: 30_000,
}, async (t) => {
  const { description, data } = buildLayer(MIB)
  const { meet } = await daemon(t, '127.0.53.1', description, { present: data })
  const peer = await meet('127.0.53.2')
  await unchoked(peer)
  const tookMs: number[] = []
  for (let piece = 0; piece < 16; piece += 1) {
    const askedAt = performance.now()
    await fetchBlock(peer, piece)
    tookMs.push(performance.now() - askedAt)
  }
  const median = tookMs.sort((a, b) => a - b)[8] ?? 0
  assert.ok(median < 20, `${median} ms`)
})

test('incoming connections are bounded', { timeout: 30_000 }, async (t) => {
  const { description, data } = buildLayer(MIB)
  const { swarm, meet } = await daemon(t, '127.0.50.1', description, { present: data })
  const tries = Array.from({ length: 160 }, (_, index) =>
    meet(`127.0.50.${10 + (index % 20)}`, `-XX0000-${index}`.padEnd(20, '-')),
  )
  const met = (await Promise.allSettled(tries)).filter(({ status }) => status === 'fulfilled')
  assert.ok(met.length >= 40 && met.length <= 100, `${met.length} are connected`)
  assert.ok(swarm.stats().connections <= 100)
})

test('the cost of a HAVE does not grow with the layer', { timeout: 60_000 }, async (t) => {
  const HAVES = 65_536
  const costUs = async (host: string, pieceCount: number) => {
    const { meet } = await daemon(t, `${host}.1`, hollowLayer(pieceCount))
    const peers = await Promise.all(
      Array.from({ length: HAVES / pieceCount }, (_, index) => meet(`${host}.${index + 2}`)),
    )
    return cpuUs(async () => {
      await Promise.all(
        peers.map(async (peer) => {
          peer.send(ID.haveNone)
          for (let piece = 0; piece < pieceCount; piece += 1) peer.send(ID.have, piece)
          await allRead(peer)
        }),
      )
    })
  }
  const small = (await costUs('127.0.51', 2048)) / HAVES
  const large = (await costUs('127.0.52', HAVES)) / HAVES
  t.diagnostic(`${small.toFixed(1)} and ${large.toFixed(1)} microseconds`)
  assert.ok(large < 2 * small + 10, `${large} microseconds a HAVE of 65,536 pieces, ${small} of 2,048`)
})

test('the cost of a bitfield does not grow with the connections', { timeout: 60_000 }, async (t) => {
  const PIECES = 65_536
  const MEASURED = 4
  const all = new Bitfield(PIECES)
  all.setAll()
  const tell = async (peers: RecordingPeer[]) => {
    for (const peer of peers) {
      peer.sendBytes(ID.bitfield, all.toBytes())
      await allRead(peer)
    }
  }
  const costUs = async (host: string, others: number) => {
    const { meet } = await daemon(t, `${host}.1`, hollowLayer(PIECES))
    const peers = await Promise.all(
      Array.from({ length: others + MEASURED }, (_, index) => meet(`${host}.${index + 2}`)),
    )
    await tell(peers.slice(MEASURED))
    return (await cpuUs(() => tell(peers.slice(0, MEASURED)))) / MEASURED
  }
  // The first round only warms the code up.
  await costUs('127.0.54', 8)
  const few = await costUs('127.0.54', 1)
  const many = await costUs('127.0.55', 48)
  t.diagnostic(`${few.toFixed(0)} and ${many.toFixed(0)} microseconds`)
  assert.ok(many < few + 3000, `${many} microseconds a bitfield with 48 others, ${few} with one`)
})

/** CPU time of this process, both ends of the connections. */
async function cpuUs(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return user + system
}

/** Resolves when the daemon has dealt with all that was sent: it rejects what is asked for while it chokes. */
async function allRead(peer: RecordingPeer): Promise<void> {
  const before = peer.of(ID.reject).length
  peer.send(ID.request, 0, 0, KIB)
  await peer.until(() => peer.of(ID.reject).length > before)
}

/** A layer that nobody has: only its geometry counts. */
function hollowLayer(pieceCount: number): LayerDescription {
  const { description } = buildLayer(PIECE)
  const [sizeBytes, pieceLengthBytes] = [pieceCount * KIB, KIB]
  const pieceHashes = randomBytes(pieceCount * 20)
  const { torrent, infoHash } = encodeTorrent({
    name: 'hollow',
    sizeBytes,
    pieceLengthBytes,
    pieceHashes,
    announce: [],
  })
  const blockHashes = randomBytes(pieceCount * 32)
  const geometry = { sizeBytes, pieceLengthBytes, blockLengthBytes: pieceLengthBytes }
  return { ...description, torrent, manifest: { ...description.manifest, ...geometry, infoHash, blockHashes } }
}
