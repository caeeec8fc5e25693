import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createCluster } from './harness/cluster.ts'
import { importOnlyImage } from './harness/import-only-image.ts'
import { openInQemu } from './harness/open-in-qemu.ts'
import { writeRandomRaw } from './harness/test-images.ts'
import { undoAfter } from './harness/undo.ts'
import { until } from './harness/until.ts'

const MIB = 1024 ** 2
/** The library is looked at every second, and the nodes are told at once. */
const PURGE_MS = 15_000

test('an image that is deleted leaves every node within seconds, but waits where a machine reads it, and the journal tells', {
  timeout: 120_000,
}, async (t) => {
  const undo = undoAfter(t)
  const library = await mkdtemp(join(tmpdir(), 'shoal-library-'))
  undo.after(() => rm(library, { recursive: true, force: true }))
  await writeRandomRaw(join(library, 'disk.raw'), 8 * MIB)
  const cluster = await createCluster(undo, { peers: 2, library: { directory: library } })
  await cluster.startSeed()
  await cluster.startPeers()
  const layer = await importOnlyImage(cluster)
  await cluster.assign(layer)
  await cluster.complete(layer)
  const [read, free] = [cluster.layerFile('node1', layer), cluster.layerFile('node2', layer)]
  const qemu = await openInQemu(undo, read, join(cluster.directory, 'overlay.qcow2'))

  const deletedAt = Date.now()
  await rm(join(library, 'disk.raw'))
  await until('the layer is gone from the node that nobody uses it on', async () => !existsSync(free), { everyMs: 50 })
  const seconds = (Date.now() - deletedAt) / 1000
  t.diagnostic(`gone after ${seconds.toFixed(1)} s`)
  assert.ok(seconds * 1000 < PURGE_MS)
  const waiting = await until('the other says why it waits', async () => {
    const reported = await cluster.reported('node1', layer)
    return reported?.error ?? undefined
  })
  assert.equal(waiting.code, 'SHOAL_PEER_LAYER_IN_USE')
  assert.match(waiting.message, /qemu-nbd/)
  assert.ok(existsSync(read))

  qemu.kill('SIGTERM')
  await once(qemu, 'exit')
  await until('it is gone there, too', async () => !existsSync(read))
  const purged = await until('both are in the journal', async () => {
    const events = await cluster.events('layer.purged')
    return events.length === 2 ? events : undefined
  })
  assert.deepEqual(purged.map(({ node }) => node).sort(), ['node1', 'node2'])
  assert.ok(purged.every((event) => event.layer === layer))
  assert.equal((await cluster.events('layer.withdrawn')).length, 1)
})
