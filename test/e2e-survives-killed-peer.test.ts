import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createCluster } from './harness/cluster.ts'
import { importOnlyImage } from './harness/import-only-image.ts'
import { writeRandomRaw } from './harness/test-images.ts'
import { undoAfter } from './harness/undo.ts'
import { until } from './harness/until.ts'

const MIB = 1024 * 1024
const SIZE_BYTES = 64 * MIB

test('a peer killed in the middle of a transfer fetches only what was not durable', { timeout: 120_000 }, async (t) => {
  const undo = undoAfter(t)
  const library = await mkdtemp(join(tmpdir(), 'shoal-library-'))
  undo.after(() => rm(library, { recursive: true, force: true }))
  await writeRandomRaw(join(library, 'disk.raw'), SIZE_BYTES)
  const cluster = await createCluster(undo, {
    peers: 1,
    library: { directory: library },
    peerConfig: () => ({ limits: { downBytesPerSecond: 12 * MIB } }),
  })
  await cluster.startSeed()
  await cluster.startPeers()
  const layer = await importOnlyImage(cluster)
  await cluster.assign(layer)
  const peer = cluster.peer('node1')
  await until('half of the layer', async () => {
    const reported = await cluster.reported('node1', layer)
    return (reported?.presentBytes ?? 0) > SIZE_BYTES / 2
  })
  await peer.end('SIGKILL')

  await peer.start({ limits: { downBytesPerSecond: 1 * MIB } })
  const local = await cluster.peerClient('node1')
  const status = async () => (await local.localStatus()).layers.find(({ digest }) => digest === layer)
  const first = await until('the restarted peer knows the layer', async () => {
    const found = await status()
    return found !== undefined && found.presentBytes > 0 ? found : undefined
  })
  const durableBytes = first.presentBytes - first.fromOriginBytes - first.fromPeersBytes
  assert.ok(durableBytes > SIZE_BYTES / 4, `${durableBytes} durable bytes`)
  await peer.end('SIGKILL')

  await peer.start({ limits: { downBytesPerSecond: null } })
  await cluster.complete(layer)
  const last = await status()
  const fetched = (last?.fromOriginBytes ?? 0) + (last?.fromPeersBytes ?? 0)
  assert.ok(fetched <= SIZE_BYTES - durableBytes, `${fetched} fetched, ${durableBytes} were durable`)
  const verified = await local.verifyLayer({ params: { layer } })
  assert.deepEqual([verified.badBlocks, verified.digestMatches], [[], true])
})
