import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startPrefetchCluster } from './harness/prefetch.ts'
import { until } from './harness/until.ts'

test('a plan brings an image that was not imported to every node; sent twice it is one plan; who waits is told', {
  timeout: 120_000,
}, async (t) => {
  const { cluster, images } = await startPrefetchCluster(t, { peers: 3, imagesMib: [32] })
  const { client } = cluster
  const [image = ''] = images
  const body = { images: [{ image, all: true as const }] }
  const dry = await client.createPrefetch({ body: { ...body, dryRun: true, simulate: {} } })
  assert.equal(dry.id, null)
  assert.ok((dry.prediction.seconds ?? 0) > 0)
  assert.equal(dry.simulation?.unfinishedNodes, 0)
  assert.equal((await client.listPrefetches()).plans.length, 0)

  const headers = { 'idempotency-key': 'once' }
  const answers = await Promise.all([1, 2, 3].map(() => client.createPrefetch({ body, headers })))
  const [plan] = answers
  assert.deepEqual(new Set(answers.map(({ id }) => id)), new Set([plan?.id]))
  const other = client.createPrefetch({ body: { ...body, priority: 80 }, headers })
  await assert.rejects(other, { code: 'SHOAL_PLAN_IDEMPOTENCY' })
  const params = { plan: plan?.id ?? '' }
  const waited = await client.waitPrefetch({ params, query: { timeoutSeconds: 60 }, timeoutMs: 70_000 })
  assert.equal(waited.reached, true, JSON.stringify(waited))
  const states: string[] = []
  for await (const { data } of client.streamPrefetch({ params })) states.push(data.state)
  assert.equal(states.at(-1), 'done')
  const done = await client.showPrefetch({ params })
  assert.equal(done.progress.nodes.ready, 3)
  assert.equal(done.progress.presentBytes, done.progress.wantedBytes)
  const { nodes } = await client.listPrefetchNodes({ params })
  assert.ok(nodes.every(({ state, readyAt }) => state === 'ready' && readyAt !== null))
  const { layers } = await client.listLayers()
  await cluster.complete(layers[0]?.digest ?? '')
  const { import: imported } = await client.showImage({ params: { image } })
  assert.equal(imported?.libraryRequests, 1)
  const types = await until('the journal tells of it', async () => {
    const { events } = await client.listEvents({ query: { limit: 1000 } })
    return new Set(events.flatMap(({ type, plan }) => (plan === params.plan ? [type] : [])))
  })
  assert.deepEqual(types, new Set(['plan.created', 'plan.running', 'plan.done']))
})
