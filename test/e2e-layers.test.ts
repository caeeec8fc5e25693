import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { buildSmallGuests } from '../infra/guests/small-guests.ts'
import { createLab } from '../infra/lab/lab.ts'
import { startOpenStack } from '../infra/openstack/openstack.ts'
import { createCluster } from './harness/cluster.ts'
import { undoAfter } from './harness/undo.ts'
import { until } from './harness/until.ts'

const run = promisify(execFile)
const isRoot = process.getuid?.() === 0
const GUESTS = { middles: 1, baseMiB: 120, middleMiB: 40 }

test('a flat snapshot in Glance reaches nodes that hold its base as a middle, and is composed to the same disk', {
  timeout: 300_000,
  skip: isRoot ? false : 'network namespaces need root',
}, async (t) => {
  const undo = undoAfter(t)
  const directory = await mkdtemp(join(tmpdir(), 'shoal-layers-'))
  undo.after(() => rm(directory, { recursive: true, force: true }))
  const guests = await buildSmallGuests(directory, GUESTS)
  const [snapshot] = guests.middles
  assert.ok(snapshot !== undefined)
  const racks = [{ name: 'rack1', zone: 'zone1', nodes: [{ name: 'node1' }, { name: 'node2' }] }]
  const lab = await createLab({ core: [{ name: 'seed' }], racks })
  undo.after(() => lab.destroy())
  const openstack = await startOpenStack({ directory: join(directory, 'openstack'), host: lab.rootAddress })
  undo.after(() => openstack.stop())
  const baseImage = await openstack.uploadImage({ name: 'base', file: guests.base, diskFormat: 'qcow2' })
  const image = await openstack.uploadImage({ name: 'snapshot', file: snapshot.flat, diskFormat: 'qcow2' })

  const cluster = await createCluster(undo, { peers: 2, lab, library: {}, seedEnv: openstack.env })
  await cluster.startSeed()
  await cluster.startPeers()
  const { layer: base } = await cluster.import(baseImage)
  assert.ok(base !== null)
  await cluster.assign(base)
  await cluster.complete(base)

  await cluster.import(image)
  const layered = await until(
    'the layers of the snapshot',
    async () => {
      const shown = await cluster.client.showImage({ params: { image } })
      return ['published', 'kept-flat', 'failed'].includes(shown.layering?.state ?? '') ? shown : undefined
    },
    { timeoutMs: 120_000 },
  )
  assert.equal(layered.layering?.state, 'published', JSON.stringify(layered.layering))
  assert.equal(layered.chain[0], base)
  const [, middle = ''] = layered.chain
  await cluster.assign(middle)
  const { sizeBytes } = await cluster.complete(middle)
  const flatBytes = (await stat(snapshot.flat)).size
  t.diagnostic(`middle ${sizeBytes} of ${flatBytes} bytes, ${(sizeBytes / flatBytes).toFixed(2)}`)
  assert.ok(sizeBytes < flatBytes / 2, `${sizeBytes} of ${flatBytes}`)

  for (const { name } of cluster.peers) {
    const client = await cluster.peerClient(name)
    for (const format of ['raw', 'qcow2'] as const) {
      const disk = { name: `snapshot.${format}` }
      await client.compose({ params: disk, body: { layer: middle, format } })
      const composed = await until(
        `${disk.name} on ${name}`,
        async () => {
          const shown = await client.showComposition({ params: disk })
          return ['done', 'failed'].includes(shown.state) ? shown : undefined
        },
        { timeoutMs: 60_000 },
      )
      assert.equal(composed.state, 'done', JSON.stringify(composed.error))
      await run('qemu-img', ['compare', '-f', format, '-F', 'qcow2', composed.path ?? '', snapshot.flat])
    }
  }
  const reads = await openstack.imageReads(image)
  assert.deepEqual(
    reads.map(({ method }) => method),
    ['GET'],
  )
})
