import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { createLab } from '../infra/lab/lab.ts'
import { startOpenStack } from '../infra/openstack/openstack.ts'
import { createCluster } from './harness/cluster.ts'
import { writeQcow2 } from './harness/test-images.ts'
import { undoAfter } from './harness/undo.ts'

const run = promisify(execFile)
const GIB = 1024 ** 3
const isRoot = process.getuid?.() === 0

test('a 1 GiB image of a real Glance is whole on four nodes of two racks, read from Glance once', {
  timeout: 300_000,
  skip: isRoot ? false : 'network namespaces need root',
}, async (t) => {
  const undo = undoAfter(t)
  let lapAt = performance.now()
  const lap = (step: string) => {
    t.diagnostic(`${step}: ${((performance.now() - lapAt) / 1000).toFixed(1)} s`)
    lapAt = performance.now()
  }
  const directory = await mkdtemp(join(tmpdir(), 'shoal-glance-'))
  undo.after(() => rm(directory, { recursive: true, force: true }))
  const lab = await createLab({
    core: [{ name: 'seed' }],
    racks: [
      { name: 'rack1', zone: 'zone1', nodes: [{ name: 'node1' }, { name: 'node2' }] },
      { name: 'rack2', zone: 'zone1', nodes: [{ name: 'node3' }, { name: 'node4' }] },
    ],
  })
  undo.after(() => lab.destroy())
  const openstack = await startOpenStack({ directory: join(directory, 'openstack'), host: lab.rootAddress })
  undo.after(() => openstack.stop())
  lap('lab, Keystone and Glance are up')
  const file = join(directory, 'image.qcow2')
  await writeQcow2(file, GIB)
  lap('image is built')
  const { size } = await stat(file)
  assert.ok(size >= GIB)
  const image = await openstack.uploadImage({ name: 'debian', file, diskFormat: 'qcow2' })

  lap('image is uploaded')
  const cluster = await createCluster(undo, { peers: 4, lab, library: {}, seedEnv: openstack.env })
  await cluster.startSeed()
  await cluster.startPeers()
  lap('seed and peers are up')
  const imported = await cluster.import(image)
  assert.equal(imported.import?.state, 'published', JSON.stringify(imported.import))
  const layer = imported.layer ?? ''
  lap('image is imported')
  await cluster.assign(layer)
  const shown = await cluster.complete(layer, undefined, 180_000)

  lap('layer is on every node')
  for (const { name } of cluster.peers) {
    const path = cluster.layerFile(name, layer)
    assert.equal(await hashFile(path, imported.osHashAlgo ?? ''), imported.osHashValue, name)
    await run('qemu-img', ['check', '-f', 'qcow2', path])
  }
  lap('files are checked')
  const reads = await openstack.imageReads(image)
  assert.deepEqual(
    reads.map(({ method, status }) => [method, status]),
    [['GET', 200]],
  )
  t.diagnostic(`seed copies ${shown.seedCopies.toFixed(2)}`)
  assert.ok(shown.seedCopies < 2, `seed copies ${shown.seedCopies}`)
})

async function hashFile(path: string, algorithm: string): Promise<string> {
  const hash = createHash(algorithm)
  await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), hash)
  return hash.digest('hex')
}
