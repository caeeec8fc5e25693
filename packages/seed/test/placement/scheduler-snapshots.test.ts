import assert from 'node:assert/strict'
import { it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { ManualClock } from '@shoal/core'
import { SchedulerSnapshots } from '../../src/placement/scheduler-snapshots.ts'
import type { SnapshotBody } from '../../src/placement/snapshot-maker.ts'

function setUp(body: SnapshotBody | undefined = { nodes: '["n1","n2"]', images: ['"i":{"runs":[0,1,255]}'] }) {
  const clock = new ManualClock()
  const maker: { body: SnapshotBody | undefined; made: number; make(): Promise<SnapshotBody | undefined> } = {
    body,
    made: 0,
    make: async () => {
      maker.made += 1
      return maker.body
    },
  }
  return { clock, maker, snapshots: new SchedulerSnapshots({ maker, clock, wallClock: clock }) }
}

it('one computation serves everybody for a second', async () => {
  const { clock, maker, snapshots } = setUp()
  const [one, other] = await Promise.all([snapshots.current(), snapshots.current()])
  assert.equal(one, other)
  clock.advance(999)
  assert.equal(await snapshots.current(), one)
  assert.equal(maker.made, 1)
  clock.advance(2)
  await snapshots.current()
  assert.equal(maker.made, 2)
})

it('the tag stays while scores and nodes do, and changes when either does', async () => {
  const { clock, maker, snapshots } = setUp()
  const { etag } = await snapshots.current()
  assert.match(etag, /^"[\w-]+"$/)
  clock.advance(5000)
  assert.equal((await snapshots.current()).etag, etag)
  const tags = new Set([etag])
  for (const body of [
    { nodes: '["n1","n3"]', images: ['"i":{"runs":[0,1,255]}'] },
    { nodes: '["n1","n2"]', images: ['"i":{"runs":[0,1,254]}'] },
  ]) {
    maker.body = body
    clock.advance(5000)
    tags.add((await snapshots.current()).etag)
  }
  assert.equal(tags.size, 3)
})

it('is the document of the format, compressed or not', async () => {
  const { snapshots } = setUp()
  const { json, gzip } = await snapshots.current()
  assert.deepEqual(gunzipSync(gzip), json)
  const { generatedAt, ...rest } = JSON.parse(json.toString()) as Record<string, unknown>
  assert.ok(Number.isFinite(Date.parse(String(generatedAt))))
  assert.deepEqual(rest, {
    format: 'shoal-scheduler-snapshot',
    version: 1,
    nodes: ['n1', 'n2'],
    otherScore: 0,
    images: { i: { runs: [0, 1, 255] } },
  })
})

it('without a report of any node there is none, until one comes', async () => {
  const { maker, snapshots } = setUp()
  const { body } = maker
  maker.body = undefined
  await assert.rejects(snapshots.current(), { code: 'SHOAL_PLACEMENT_NO_REPORTS' })
  maker.body = body
  await snapshots.current()
})
