import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startOpenStack } from '../infra/openstack/openstack.ts'
import { createCluster } from './harness/cluster.ts'
import { importOnlyImage } from './harness/import-only-image.ts'
import { writeRandomRaw } from './harness/test-images.ts'
import { undoAfter } from './harness/undo.ts'
import { until } from './harness/until.ts'

const MIB = 1024 * 1024
/** How much of an import may not be durable yet (the importer syncs every 16 MiB). */
const DURABLE_STEP_BYTES = 16 * MIB

test('a seed killed in the middle of an import asks Glance only for the rest', { timeout: 120_000 }, async (t) => {
  const undo = undoAfter(t)
  const directory = await mkdtemp(join(tmpdir(), 'shoal-glance-'))
  undo.after(() => rm(directory, { recursive: true, force: true }))
  const openstack = await startOpenStack({ directory: join(directory, 'openstack'), mode: 'fakeauth' })
  undo.after(() => openstack.stop())
  const sizeBytes = 96 * MIB
  const file = join(directory, 'disk.raw')
  await writeRandomRaw(file, sizeBytes)
  const image = await openstack.uploadImageFast({ name: 'disk', file, diskFormat: 'raw' })
  const cluster = await createCluster(undo, {
    peers: 0,
    library: { limitBytesPerSecond: 16 * MIB },
    seedEnv: openstack.env,
  })
  await cluster.startSeed()
  await cluster.client.importImage({ params: { image } })
  const readAtKill = await until('more than half was read', async () => {
    const shown = await cluster.client.showImage({ params: { image } })
    const read = shown.import?.bytesRead ?? 0
    return read > sizeBytes / 2 ? read : undefined
  })
  await cluster.seed.end('SIGKILL')

  await cluster.startSeed({ library: { limitBytesPerSecond: 1024 * MIB } })
  const imported = await cluster.imported(image)
  assert.equal(imported.import?.state, 'published', JSON.stringify(imported.import))
  const reads = await openstack.imageReads(image)
  assert.equal(reads.length, 2)
  const resumedAt = Number(/^bytes=(\d+)-/.exec(reads[1]?.range ?? '')?.[1])
  assert.ok(resumedAt >= readAtKill - 2 * DURABLE_STEP_BYTES && resumedAt > 0, `resumed at ${resumedAt}`)
  const { layers } = await cluster.client.listLayers()
  assert.deepEqual(
    layers.map(({ digest, state, sizeBytes: size }) => [digest, state, size]),
    [[imported.layer, 'published', sizeBytes]],
  )
})

test('a seed killed in the middle of a distribution goes on where it was', { timeout: 120_000 }, async (t) => {
  const undo = undoAfter(t)
  const library = await mkdtemp(join(tmpdir(), 'shoal-library-'))
  undo.after(() => rm(library, { recursive: true, force: true }))
  await writeRandomRaw(join(library, 'disk.raw'), 48 * MIB)
  const cluster = await createCluster(undo, {
    peers: 3,
    library: { directory: library },
    seedConfig: { swarm: { upBytesPerSecond: 8 * MIB } },
  })
  await cluster.startSeed()
  await cluster.startPeers()
  const layer = await importOnlyImage(cluster)
  await cluster.assign(layer)
  await until('a third of the layer on a node', async () => {
    const reported = await cluster.reported('node1', layer)
    return (reported?.presentBytes ?? 0) > 16 * MIB
  })
  await cluster.seed.end('SIGKILL')
  await cluster.startSeed()
  const shown = await cluster.complete(layer)
  assert.equal(shown.nodesComplete, 3)
  for (const { name } of cluster.peers) {
    const local = await cluster.peerClient(name)
    assert.equal((await local.verifyLayer({ params: { layer } })).digestMatches, true, name)
  }
})
