import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { test } from 'node:test'
import { silentLogger } from '@shoal/core'
import { type AccessRefusal, createTracker, type SwarmIdentity } from '@shoal/swarm'
import bencode from 'bencode'
import { type Undo, undoAfter } from '../../../../test/harness/undo.ts'
import { proveAnnounce } from '../../src/auth/announce-proof.ts'
import { TestCluster } from '../auth/test-cluster.ts'
import { buildLayer, completed, startSwarm, storeLayer } from '../layer-fixture.ts'

const INFO_HASH = 'f2'.repeat(20)
const peerIdOf = (number: number) => `5348${number.toString(16).padStart(36, '0')}`

/** A tracker of a cluster at which n1 to n3 registered their peer ids, 1 to 3; n3 is not to have the layer. */
async function startTracker(undo: Undo, host: string) {
  const cluster = new TestCluster()
  const refusals: AccessRefusal[] = []
  const registered = new Map(
    ['n1', 'n2', 'n3'].map((node, index) => [peerIdOf(index + 1), { node, address: `192.0.2.${index + 1}:7441` }]),
  )
  const tracker = createTracker(
    { logger: silentLogger, identity: cluster.seed('seed').identity, onRefused: (refusal) => refusals.push(refusal) },
    {
      ...{ host, port: 0, announceIntervalMs: 30_000, allows: () => true },
      describe: (peerId) => registered.get(peerId),
      mayHave: (infoHash, node) => infoHash !== INFO_HASH || node !== 'n3',
    },
  )
  const [url = '', ...more] = await tracker.start()
  undo.after(() => tracker.stop())
  assert.deepEqual(more, [], 'none over UDP')
  return { cluster, tracker, refusals, registered, url }
}

/** Announces, and gives what was answered. */
async function announce(
  url: string,
  peerId: string,
  identity: SwarmIdentity | undefined,
  { timeMs = Date.now(), leftBytes = 100 }: { timeMs?: number; leftBytes?: number } = {},
): Promise<Record<string, unknown>> {
  const facts = { infoHash: INFO_HASH, peerId, port: 7441, leftBytes, event: 'started' } as const
  const escaped = (id: string) => id.replace(/../g, '%$&')
  const query = [
    `info_hash=${escaped(INFO_HASH)}&peer_id=${escaped(peerId)}&port=7441&left=${leftBytes}&event=started&compact=1`,
    ...(identity === undefined ? [] : [`shoal_auth=${proveAnnounce(identity, facts, timeMs)}`]),
  ]
  const response = await fetch(`${url}?${query.join('&')}`)
  return bencode.decode(new Uint8Array(await response.arrayBuffer())) as Record<string, unknown>
}

test('a node announces itself and nobody else, and nobody else announces it', async (t) => {
  const undo = undoAfter(t)
  const { cluster, tracker, refusals, url } = await startTracker(undo, '127.0.43.1')
  const [n1, n2] = [cluster.node('n1').identity, cluster.node('n2').identity]
  const timeMs = Date.now()
  assert.equal('failure reason' in (await announce(url, peerIdOf(1), n1, { timeMs })), false)
  assert.equal(tracker.peers(), 1)
  // Forged, of another cluster, replayed, for another node, for another port.
  for (const [identity, options, reason] of [
    [undefined, {}, 'no-credential'],
    [new TestCluster().node('n1').identity, {}, 'unknown-authority'],
    [n1, { timeMs }, 'replayed'],
    [n2, {}, 'wrong-name'],
  ] as const) {
    assert.ok('failure reason' in (await announce(url, peerIdOf(1), identity, options)), reason)
    assert.equal(refusals.at(-1)?.reason, reason)
    assert.equal(refusals.at(-1)?.kind, 'announce')
  }
  assert.equal(tracker.peers(), 1)
  // Who gets in is told of the one that is there, at the address that it registered.
  const { peers } = await announce(url, peerIdOf(2), n2)
  assert.deepEqual([...(peers as Uint8Array)], [192, 0, 2, 1, 7441 >> 8, 7441 & 255])
})

test('who is not to have a layer is told of nobody who has it', async (t) => {
  const { cluster, tracker, refusals, url } = await startTracker(undoAfter(t), '127.0.43.6')
  const [n1, n3] = [cluster.node('n1').identity, cluster.node('n3').identity]
  await announce(url, peerIdOf(1), n1)
  assert.ok('failure reason' in (await announce(url, peerIdOf(3), n3)))
  const { kind, reason, node } = refusals.at(-1) ?? assert.fail('not refused')
  assert.deepEqual({ kind, reason, node }, { kind: 'announce', reason: 'no-grant', node: 'n3' })
  assert.equal(tracker.peers(), 1)
  // It may give what it has: others are told of it, and it of nobody.
  const { peers } = await announce(url, peerIdOf(3), n3, { leftBytes: 0 })
  assert.deepEqual([...(peers as Uint8Array)], [])
  const told = await announce(url, peerIdOf(1), n1)
  assert.deepEqual([...(told.peers as Uint8Array)], [192, 0, 2, 3, 7441 >> 8, 7441 & 255])
})

test('who has no credential learns nothing from the tracker', async (t) => {
  const { cluster, url } = await startTracker(undoAfter(t), '127.0.43.2')
  await announce(url, peerIdOf(1), cluster.node('n1').identity)
  const scrape = await fetch(`${url.replace('announce', 'scrape')}?info_hash=${INFO_HASH.replace(/../g, '%$&')}`)
  const answer = Buffer.from(await scrape.arrayBuffer()).toString('latin1')
  assert.match(answer, /failure reason/)
  // Nobody is there over UDP: what is sent to the port comes back as unreachable.
  const socket = createSocket('udp4')
  const { hostname, port } = new URL(url)
  socket.connect(Number(port), hostname)
  await once(socket, 'connect')
  socket.send(Buffer.from('00000417271019800000000000000001', 'hex'))
  const [error] = await once(socket, 'error')
  assert.equal(error.code, 'ECONNREFUSED')
  socket.close()
})

test('daemons sign what they announce, and find each other so', async (t) => {
  const { cluster, url, refusals, registered } = await startTracker(undoAfter(t), '127.0.43.3')
  const { description, data } = buildLayer(1024 * 1024)
  const trackers = [url]
  const origin = await startSwarm(
    t,
    { role: 'origin', node: 'seed', host: '127.0.43.4', trackers },
    cluster.seed('seed').identity,
  )
  registered.set(origin.peerId, { node: 'seed', address: origin.address })
  await origin.join(await storeLayer(description, data))
  const options = { role: 'peer', node: 'n5', host: '127.0.43.5', trackers, announceIntervalMs: 1000 } as const
  const peer = await startSwarm(t, options, cluster.node('n5').identity)
  registered.set(peer.peerId, { node: 'n5', address: peer.address })
  const done = completed(peer)
  await peer.join(await storeLayer(description))
  await done
  assert.deepEqual(refusals, [])
})
