import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Digest } from '@shoal/core'
import { createCluster } from './harness/cluster.ts'
import { importOnlyImage } from './harness/import-only-image.ts'
import { joinAsLiar, LIAR } from './harness/lying-peer.ts'
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

  await joinAsLiar(undo, cluster, layer)

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
    assert.equal(ban.details.node, LIAR)
    assert.match(String(ban.details.address), /^127\.0\.0\.1:/)
  }
})
