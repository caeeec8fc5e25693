import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Digest, decodeManifest, decodePublicKey, silentLogger, systemClock } from '@shoal/core'
import { createMemoryLayerStore, type StoredLayer } from '@shoal/layer-store'
import { createSwarm } from '@shoal/swarm'
import { createCluster } from './harness/cluster.ts'
import { importOnlyImage } from './harness/import-only-image.ts'
import { writeRandomRaw } from './harness/test-images.ts'
import { undoAfter } from './harness/undo.ts'
import { until } from './harness/until.ts'

const MIB = 1024 * 1024

test('a peer that sends corrupt blocks is banned and named, and nobody stores or relays one', {
  timeout: 120_000,
}, async (t) => {
  const undo = undoAfter(t)
  const library = await mkdtemp(join(tmpdir(), 'shoal-library-'))
  undo.after(() => rm(library, { recursive: true, force: true }))
  await writeRandomRaw(join(library, 'disk.raw'), 24 * MIB)
  const cluster = await createCluster(undo, {
    peers: 3,
    library: { directory: library },
    // Slow enough that the liar, who says he has everything, is asked first.
    seedConfig: { swarm: { upBytesPerSecond: 6 * MIB } },
  })
  await cluster.startSeed()
  await cluster.startPeers()
  const layer = await importOnlyImage(cluster)

  const status = await cluster.client.status()
  const encodedManifest = await cluster.client.getManifest({ params: { layer } })
  const torrent = await cluster.client.getTorrent({ params: { layer } })
  const manifest = decodeManifest(encodedManifest, [decodePublicKey(status.publicKey)])
  const store = createMemoryLayerStore()
  await store.open()
  const empty = await store.create({ manifest, encodedManifest, torrent })
  // Whatever it is bound to, the tracker sees it come from this address.
  const host = '127.0.0.1'
  const liar = createSwarm(
    { clock: systemClock, logger: silentLogger, buffers: empty.buffers },
    { role: 'peer', node: 'liar', host, port: 0, dht: false, trackers: status.tracker.announceUrls },
  )
  await liar.start()
  undo.after(() => liar.close())
  await liar.join(pretending(empty))

  await cluster.assign(layer)
  await cluster.complete(layer)
  for (const { name } of cluster.peers) {
    const local = await cluster.peerClient(name)
    assert.equal((await local.verifyLayer({ params: { layer } })).digestMatches, true, name)
  }
  const bans = await until('the bans are told', async () => {
    const events = await cluster.events('peer.banned')
    return events.length > 0 ? events : undefined
  })
  for (const ban of bans) {
    assert.equal(ban.layer, layer as Digest)
    assert.equal(ban.details.node, 'liar')
    assert.match(String(ban.details.address), /^127\.0\.0\.1:/)
  }
})

/** A layer of which every block is said to be there and none is right. */
function pretending(layer: StoredLayer): StoredLayer {
  layer.present.setAll()
  return new Proxy(layer, {
    get(target, name) {
      if (name === 'read') return async (_offset: number, length: number) => Buffer.alloc(length, 0xee)
      const value = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
