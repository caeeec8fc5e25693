import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createCluster } from './harness/cluster.ts'
import { writeRandomRaw } from './harness/test-images.ts'
import { undoAfter } from './harness/undo.ts'
import { until } from './harness/until.ts'

const MIB = 1024 * 1024

test('a plan brings an image that was not imported to every node, and says so to who waits', { timeout: 120_000 }, async (t) => {
  const undo = undoAfter(t)
  const library = await mkdtemp(join(tmpdir(), 'shoal-library-'))
  undo.after(() => rm(library, { recursive: true, force: true }))
  await writeRandomRaw(join(library, 'disk.raw'), 32 * MIB)
  const cluster = await createCluster(undo, { peers: 3, library: { directory: library } })
  await cluster.startSeed()
  await cluster.startPeers()
  const { client } = cluster
  const image = await until('the image is known', async () => (await client.listImages()).images[0]?.id)
  const body = { images: [{ image, all: true as const }] }
  const dry = await client.createPrefetch({ body: { ...body, dryRun: true, simulate: {} } })
  assert.equal(dry.id, null)
  assert.ok((dry.prediction.seconds ?? 0) > 0)
  assert.equal(dry.simulation?.unfinishedNodes, 0)
  assert.equal((await client.listPrefetches()).plans.length, 0)

  const headers = { 'idempotency-key': 'once' }
  const [plan, again] = await Promise.all([
    client.createPrefetch({ body, headers }),
    client.createPrefetch({ body, headers }),
  ])
  assert.equal(plan.id, again.id)
  const params = { plan: plan.id ?? '' }
  const waited = await client.waitPrefetch({ params, query: { timeoutSeconds: 60 }, timeoutMs: 70_000 })
  assert.equal(waited.reached, true, JSON.stringify(waited))
  const done = await until('the plan is done', async () => {
    const shown = await client.showPrefetch({ params })
    return shown.state === 'done' ? shown : undefined
  })
  assert.equal(done.progress.nodes.ready, 3)
  const { layers } = await client.listLayers()
  await cluster.complete(layers[0]?.digest ?? '')
  const types = new Set((await client.listEvents({ query: { limit: 1000 } })).events.map(({ type }) => type))
  for (const type of ['plan.created', 'plan.running', 'plan.done'] as const) assert.ok(types.has(type), type)
})
