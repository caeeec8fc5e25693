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

test('Glance may stop after the import: every node still gets the layer', { timeout: 120_000 }, async (t) => {
  const undo = undoAfter(t)
  const directory = await mkdtemp(join(tmpdir(), 'shoal-glance-'))
  undo.after(() => rm(directory, { recursive: true, force: true }))
  const openstack = await startOpenStack({ directory: join(directory, 'openstack'), mode: 'fakeauth' })
  undo.after(() => openstack.stop())
  const file = join(directory, 'disk.raw')
  await writeRandomRaw(file, 24 * MIB)
  const image = await openstack.uploadImageFast({ name: 'disk', file, diskFormat: 'raw' })
  const cluster = await createCluster(undo, { peers: 2, library: {}, seedEnv: openstack.env })
  await cluster.startSeed()
  await cluster.startPeers()
  const { layer } = await cluster.import(image)
  await openstack.stopGlance()
  await cluster.assign(layer ?? '')
  await cluster.complete(layer ?? '')
  await until('the seed says that the library cannot be reached', async () => {
    return (await cluster.events('library.unreachable')).length > 0
  })
})

test('with tracker and seed dead a new peer finds the others by DHT and completes', { timeout: 120_000 }, async (t) => {
  const undo = undoAfter(t)
  const library = await mkdtemp(join(tmpdir(), 'shoal-library-'))
  undo.after(() => rm(library, { recursive: true, force: true }))
  await writeRandomRaw(join(library, 'disk.raw'), 32 * MIB)
  const cluster = await createCluster(undo, {
    peers: 3,
    library: { directory: library },
    seedConfig: { tracker: { enabled: false } },
    // The new peer may not be done before the seed is dead.
    peerConfig: (index) => (index === 2 ? { limits: { downBytesPerSecond: 4 * MIB } } : {}),
  })
  await cluster.startSeed()
  await cluster.startPeers(['node1', 'node2'])
  const layer = await importOnlyImage(cluster)
  await cluster.assign(layer, ['node1', 'node2'])
  await cluster.complete(layer, ['node1', 'node2'])

  await cluster.startPeers(['node3'])
  await cluster.assign(layer, ['node3'])
  const local = await cluster.peerClient('node3')
  const status = async () => (await local.localStatus()).layers.find(({ digest }) => digest === layer)
  await until('the new peer has the manifest', async () => (await status())?.state === 'fetching')
  await cluster.seed.end('SIGKILL')
  // Started again, it has only what it kept: no answer of the seed, no open connection.
  await cluster.peer('node3').end('SIGKILL')
  await cluster.peer('node3').start({ limits: { downBytesPerSecond: null } })
  const done = await until('the new peer is complete', async () => {
    const found = await status()
    return found?.state === 'complete' ? found : undefined
  })
  assert.equal(done.fromOriginBytes, 0)
  assert.ok(done.fromPeersBytes > 0)
  assert.equal((await local.verifyLayer({ params: { layer } })).digestMatches, true)
})
