import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TestCluster } from '@shoal/swarm/cluster-fixture'
import { ID, RecordingPeer } from '@shoal/swarm/recording-peer'
import { FOREIGN_NAMES, type ForeignName } from './harness/foreign-client.ts'
import { ForeignSwarm, sha256 } from './harness/foreign-swarm.ts'
import { undoAfter } from './harness/undo.ts'
import { until } from './harness/until.ts'

const KIB = 1024
const MIB = 1024 * KIB
const MIXED_BYTES = 24 * MIB + 4321
/** So slow that the others have more to give one another than the origin has. */
const ORIGIN_BYTES_PER_SECOND = 8 * MIB

interface Expected {
  readonly name: ForeignName
  readonly sizeBytes: number
  /** How its peer ids start (BEP 20). */
  readonly prefix: string
  /** The largest block it answers a request for, and what it does with larger ones: how much we may ask such a client for. */
  readonly answersKib: number
  readonly refuses: 'by a reject' | 'by closing'
}

const clients: readonly Expected[] = [
  { name: 'aria2', sizeBytes: 24 * MIB + 4321, prefix: 'A2-', answersKib: 64, refuses: 'by closing' },
  { name: 'libtorrent', sizeBytes: 24 * MIB + 4321, prefix: '-LT2', answersKib: 16, refuses: 'by a reject' },
  // It looks whom to ask and whom to answer every ten seconds only, and answers what was asked twice a second.
  { name: 'transmission', sizeBytes: 8 * MIB + 4321, prefix: '-TR', answersKib: 16, refuses: 'by a reject' },
]

describe('interoperation', {
  concurrency: true,
  timeout: 150_000,
  skip: process.getuid?.() === 0 ? false : 'network namespaces need root',
}, () => {
  it('where nodes have credentials no other client gets a byte, and nodes do', async (t) => {
    const undo = undoAfter(t)
    const cluster = new TestCluster()
    const swarm = await ForeignSwarm.create(undo, MIB)
    const giver = await swarm.own('n1', { isComplete: true, identity: cluster.node('n1').identity })
    const refused = new Map<string, string>()
    giver.swarm.on('refused', ({ address, reason }) => refused.set(address.slice(0, address.lastIndexOf(':')), reason))
    await swarm.announced(1)
    const clients = await Promise.all(FOREIGN_NAMES.map((name) => swarm.foreign(name)))
    await until('all of them were turned away', async () => refused.size === clients.length)
    assert.deepEqual([...new Set(refused.values())], ['no-credential'])
    assert.equal(giver.joined.stats().uploadedBytes, 0)
    const node = await swarm.own('n2', { identity: cluster.node('n2').identity })
    await node.completed
    assert.ok(swarm.data.equals(await node.layer.read(0, MIB)))
    assert.equal(giver.joined.stats().uploadedBytes, MIB)
    assert.equal(node.joined.stats().uploadedBytes, 0)
  })

  for (const { name, sizeBytes, prefix, answersKib, refuses } of clients) {
    it(name, async (t) => {
      const undo = undoAfter(t)
      const swarm = await ForeignSwarm.create(undo, sizeBytes)
      const first = await swarm.own('first', { isComplete: true })
      await swarm.announced(1)
      const foreign = await swarm.foreign(name)

      await t.test('downloads a layer from our peer', async () => {
        await foreign.downloaded()
        assert.equal(await foreign.sha256(), sha256(swarm.data))
        assert.ok(first.joined.stats().uploadedBytes >= sizeBytes)
      })
      await first.swarm.close()

      const seeds = t.test('seeds it to a fresh peer of ours', async () => {
        const fresh = await swarm.own('fresh', { isAnnounced: false })
        fresh.joined.addPeers([foreign.address])
        await fresh.completed
        assert.ok(swarm.data.equals(await fresh.layer.read(0, sizeBytes)))
        assert.equal(fresh.joined.stats().fromPeersBytes, sizeBytes)
      })
      const answers = t.test(
        `answers requests of up to ${answersKib} KiB, refuses larger ones ${refuses}`,
        async () => {
          const from = await swarm.address()
          const peer = await RecordingPeer.dial(undo, { address: foreign.address, from, infoHash: swarm.infoHash })
          assert.ok(peer.peerId.startsWith(prefix), peer.peerId)
          peer.send(ID.haveNone)
          peer.send(ID.interested)
          await peer.until(() => peer.of(ID.unchoke).length > 0)
          peer.send(ID.request, 0, 0, answersKib * KIB)
          await peer.until(() => peer.receivedBytes === answersKib * KIB)
          peer.send(ID.request, 1, 0, answersKib * KIB + 1)
          if (refuses === 'by closing') await peer.closed
          else await peer.until(() => peer.of(ID.reject).length > 0)
          assert.equal(peer.receivedBytes, answersKib * KIB)
        },
      )
      await Promise.all([seeds, answers])
    })
  }

  it('origin, our peers, aria2, libtorrent and transmission in one swarm fill one another', async (t) => {
    const swarm = await ForeignSwarm.create(undoAfter(t), MIXED_BYTES)
    const expected = sha256(swarm.data)
    const isOrigin = { role: 'origin', isComplete: true, upBytesPerSecond: ORIGIN_BYTES_PER_SECOND } as const
    const origin = await swarm.own('origin', isOrigin)
    await swarm.announced(1)
    const foreign = await Promise.all(FOREIGN_NAMES.map((name) => swarm.foreign(name)))
    const own = await Promise.all(['first', 'second'].map((node) => swarm.own(node)))
    await Promise.all([...own.map(({ completed }) => completed), ...foreign.map((client) => client.downloaded())])
    for (const { layer } of own) assert.equal(sha256(await layer.read(0, MIXED_BYTES)), expected)
    for (const client of foreign) assert.equal(await client.sha256(), expected, client.name)
    const copies = origin.swarm.stats().uploadedBytes / MIXED_BYTES
    t.diagnostic(`five got the layer with ${copies.toFixed(2)} copies from the origin`)
    assert.ok(copies < foreign.length + own.length - 1, `a swarm in name only: ${copies} copies from the origin`)

    await Promise.all([origin, ...own].map((member) => member.swarm.close()))
    const fresh = await swarm.own('fresh', { isAnnounced: false })
    fresh.joined.addPeers(foreign.map(({ address }) => address))
    await fresh.completed
    assert.equal(sha256(await fresh.layer.read(0, MIXED_BYTES)), expected)
  })
})
