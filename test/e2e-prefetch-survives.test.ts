import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planWhen, startPlan, startPrefetchCluster } from './harness/prefetch.ts'

const MIB = 1024 ** 2

test('a plan goes on where it was after its seed was killed', { timeout: 150_000 }, async (t) => {
  const { cluster, images } = await startPrefetchCluster(t, {
    peers: 3,
    imagesMib: [48],
    seedConfig: { swarm: { upBytesPerSecond: 8 * MIB } },
  })
  const [image = ''] = images
  const plan = await startPlan(cluster, { images: [{ image, all: true }] })
  await planWhen(cluster, plan, ({ progress }) => progress.presentBytes > progress.wantedBytes / 4)
  await cluster.seed.end('SIGKILL')
  await cluster.startSeed()
  const done = await planWhen(cluster, plan, 'done')
  assert.equal(done.progress.nodes.ready, 3)
  const { import: imported } = await cluster.client.showImage({ params: { image } })
  assert.equal(imported?.libraryRequests, 1)
})

test('a plan goes on where it was after its seed was killed in the middle of the import', {
  timeout: 150_000,
}, async (t) => {
  const { cluster, images } = await startPrefetchCluster(t, {
    peers: 2,
    imagesMib: [64],
    library: { limitBytesPerSecond: 16 * MIB },
  })
  const { client } = cluster
  const [image = ''] = images
  const plan = await startPlan(cluster, { images: [{ image, all: true }] })
  const shown = await planWhen(cluster, plan, ({ progress }) => progress.slowest[0]?.reason?.code === 'importing')
  assert.equal(shown.state, 'running')
  await planWhen(cluster, plan, () => true)
  await cluster.seed.end('SIGKILL')
  await cluster.startSeed({ library: { limitBytesPerSecond: 1024 * MIB } })
  await planWhen(cluster, plan, 'done')
  const { import: imported } = await cluster.client.showImage({ params: { image } })
  assert.ok((imported?.libraryRequests ?? 0) <= 2)
  assert.equal((await client.listPrefetches()).plans.length, 1)
})

test('a plan excludes nodes that vanish, ends without them, and takes up those that return', {
  timeout: 180_000,
}, async (t) => {
  const { cluster, images } = await startPrefetchCluster(t, {
    peers: 6,
    imagesMib: [48],
    seedConfig: { swarm: { upBytesPerSecond: 8 * MIB }, prefetch: { excludeAfterMs: 4000 } },
  })
  const [image = ''] = images
  const plan = await startPlan(cluster, { images: [{ image, all: true }] })
  await planWhen(cluster, plan, ({ progress }) => progress.presentBytes > progress.wantedBytes / 4)
  await Promise.all(['node1', 'node2'].map((name) => cluster.peer(name).end('SIGKILL')))
  const partly = await planWhen(cluster, plan, 'partly-done')
  assert.deepEqual([partly.progress.nodes.ready, partly.progress.nodes.excluded], [4, 2])
  assert.equal(partly.error?.code, 'SHOAL_PLAN_INCOMPLETE')
  assert.deepEqual(
    partly.progress.slowest.map(({ reason }) => reason?.code),
    ['lost', 'lost'],
  )
  const waited = await cluster.client.waitPrefetch({ params: { plan }, query: { readyShare: 0.6 } })
  assert.equal(waited.reached, true)

  await cluster.startPeers(['node1'])
  await planWhen(cluster, plan, ({ state, progress }) => state === 'partly-done' && progress.nodes.ready === 5)
  await cluster.startPeers(['node2'])
  await planWhen(cluster, plan, 'done')
  const types = (await cluster.client.listEvents({ query: { limit: 1000 } })).events.map(({ type }) => type)
  assert.ok(types.includes('plan.nodes-excluded') && types.includes('plan.nodes-returned'))
})
