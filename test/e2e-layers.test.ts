import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { buildSmallGuests } from '../infra/guests/small-guests.ts'
import { composeOn, distributeSnapshot } from './harness/layered-snapshot.ts'
import { undoAfter } from './harness/undo.ts'

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
  const distributed = await distributeSnapshot(undo, { base: guests.base, flat: snapshot.flat })
  const { cluster, openstack, image, middle, middleOverFlat } = distributed
  t.diagnostic(`the middle is ${middleOverFlat.toFixed(2)} of the snapshot`)
  assert.ok(middleOverFlat < 0.5, `${middleOverFlat} of the snapshot`)
  for (const { name } of cluster.peers) {
    for (const format of ['raw', 'qcow2'] as const) {
      const { path } = await composeOn(cluster, name, `snapshot.${format}`, { layer: middle, format })
      await run('qemu-img', ['compare', '-f', format, '-F', 'qcow2', path ?? '', snapshot.flat])
    }
  }
  const reads = await openstack.imageReads(image)
  assert.deepEqual(
    reads.map(({ method }) => method),
    ['GET'],
  )
})
