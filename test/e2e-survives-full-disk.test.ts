import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { createCluster } from './harness/cluster.ts'
import { importOnlyImage } from './harness/import-only-image.ts'
import { writeRandomRaw } from './harness/test-images.ts'
import { undoAfter } from './harness/undo.ts'
import { until } from './harness/until.ts'

const run = promisify(execFile)
const MIB = 1024 * 1024
const isRoot = process.getuid?.() === 0

test('a full disk on one peer stops that layer there, not the daemon nor the others, and ends when there is room', {
  timeout: 120_000,
  skip: isRoot ? false : 'mounting a small file system needs root',
}, async (t) => {
  const undo = undoAfter(t)
  const library = await mkdtemp(join(tmpdir(), 'shoal-library-'))
  undo.after(() => rm(library, { recursive: true, force: true }))
  await writeRandomRaw(join(library, 'disk.raw'), 32 * MIB)
  const small = await mkdtemp(join(tmpdir(), 'shoal-small-disk-'))
  await run('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', small])
  undo.after(async () => {
    await run('umount', ['-l', small])
    await rm(small, { recursive: true, force: true })
  })
  const store = join(small, 'layers')
  await mkdir(store)
  const cluster = await createCluster(undo, {
    peers: 2,
    library: { directory: library },
    peerConfig: (index) =>
      index === 0 ? { store: { directory: store }, cache: { maxShare: 1, minFreeBytes: 0 } } : {},
  })
  await cluster.startSeed()
  await cluster.startPeers()
  const layer = await importOnlyImage(cluster)
  await cluster.assign(layer)
  await cluster.complete(layer, ['node2'])
  const failed = await until('node1 says that its disk is full', async () => {
    const reported = await cluster.reported('node1', layer)
    return reported?.state === 'failed' ? reported : undefined
  })
  assert.equal(failed.error?.code, 'SHOAL_CACHE_TOO_LARGE')
  assert.ok((await cluster.events('store.no-space')).some(({ node }) => node === 'node1'))
  assert.ok(cluster.peer('node1').isRunning)

  await run('mount', ['-o', 'remount,size=64m', small])
  await cluster.complete(layer, ['node1'])
})
