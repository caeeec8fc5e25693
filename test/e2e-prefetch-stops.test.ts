import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { planWhen, startPlan, startPrefetchCluster } from './harness/prefetch.ts'
import { until } from './harness/until.ts'

const MIB = 1024 ** 2

test('a plan that is cancelled halfway stops its transfers and pins, keeps what is complete, and can be retried', {
  timeout: 150_000,
}, async (t) => {
  const { cluster, images } = await startPrefetchCluster(t, {
    peers: 2,
    imagesMib: [8, 64],
    seedConfig: { swarm: { upBytesPerSecond: 8 * MIB } },
  })
  const { client } = cluster
  const [small = '', large = ''] = images
  const plan = await startPlan(cluster, {
    images: [
      { image: small, all: true, priority: 80 },
      { image: large, all: true },
    ],
  })
  await planWhen(cluster, plan, ({ progress }) => progress.presentBytes > progress.wantedBytes / 2)
  const cancelled = await client.cancelPrefetch({ params: { plan } })
  assert.equal(cancelled.state, 'cancelled')
  assert.equal((await client.listAssignments()).assignments.length, 0)
  const layerOf = async (image: string) => (await client.showImage({ params: { image } })).layer ?? ''
  const [whole, part] = [await layerOf(small), await layerOf(large)]
  await cluster.complete(whole)
  const rest = await until('the transfers have stopped', async () => {
    const before = await cluster.reported('node1', part)
    const after = await until('a later report', async () => cluster.reported('node1', part))
    return before?.presentBytes === after.presentBytes && after.peers === 0 ? after : undefined
  })
  assert.ok(rest.presentBytes < 64 * MIB)

  await client.retryPrefetch({ params: { plan } })
  const done = await planWhen(cluster, plan, 'done')
  assert.equal(done.progress.nodes.ready, 2)

  await client.cancelPrefetch({ params: { plan }, query: { drop: true } })
  for (const layer of [whole, part]) {
    await until('nodes remove what is dropped', async () => {
      const held = await Promise.all(['node1', 'node2'].map((node) => cluster.reported(node, layer)))
      return held.every((one) => one === undefined)
    })
  }
})

test('a plan whose image is deactivated stops, has the nodes purge it, and says so', {
  timeout: 150_000,
}, async (t) => {
  const { cluster, images, files } = await startPrefetchCluster(t, {
    peers: 2,
    imagesMib: [64],
    seedConfig: { swarm: { upBytesPerSecond: 8 * MIB } },
  })
  const { client } = cluster
  const [image = ''] = images
  const plan = await startPlan(cluster, { images: [{ image, all: true }] })
  await planWhen(cluster, plan, ({ progress }) => progress.presentBytes > progress.wantedBytes / 4)
  const layer = (await client.showImage({ params: { image } })).layer ?? ''
  const sidecar = (files[0] ?? '').replace(/raw$/, 'json')
  await writeFile(sidecar, JSON.stringify({ status: 'deactivated' }))
  const failed = await planWhen(cluster, plan, 'failed')
  assert.equal(failed.error?.code, 'SHOAL_IMAGE_DEACTIVATED')
  await until('it is gone from every node', async () => {
    const held = await Promise.all(['node1', 'node2'].map((node) => cluster.reported(node, layer)))
    return held.every((one) => one === undefined)
  })
  const told = await cluster.events('plan.image-failed')
  assert.deepEqual(
    told.map((event) => event.plan),
    [plan],
  )
})

test('a plan waits for its time, stops when it is paused, and goes on', { timeout: 120_000 }, async (t) => {
  const { cluster, images } = await startPrefetchCluster(t, {
    peers: 2,
    imagesMib: [48],
    seedConfig: { swarm: { upBytesPerSecond: 8 * MIB } },
  })
  const { client } = cluster
  const [image = ''] = images
  const notBefore = new Date(Date.now() + 3_600_000).toISOString()
  const plan = await startPlan(cluster, { images: [{ image, all: true }], notBefore })
  await until('the image is imported ahead of its time', async () => {
    return (await client.showImage({ params: { image } })).layer !== null
  })
  const waiting = await planWhen(cluster, plan, ({ progress }) => progress.slowest[0]?.reason?.code === 'not-before')
  assert.equal(waiting.state, 'planned')
  assert.equal((await client.listAssignments()).assignments.length, 0)

  const changed = await client.changePrefetch({ params: { plan }, body: { notBefore: null } })
  assert.equal(changed.notBefore, null)
  await planWhen(cluster, plan, ({ progress }) => progress.presentBytes > progress.wantedBytes / 8)
  const paused = await client.changePrefetch({ params: { plan }, body: { paused: true } })
  assert.equal(paused.state, 'paused')
  const still = await until('nothing moves', async () => {
    const before = (await client.showPrefetch({ params: { plan } })).progress.presentBytes
    const beats = (await client.showNode({ params: { node: 'node1' } })).lastSeenAt
    await until('two more heartbeats', async () => {
      const { lastSeenAt } = await client.showNode({ params: { node: 'node1' } })
      return Date.parse(lastSeenAt) > Date.parse(beats) + 1000
    })
    const { progress } = await client.showPrefetch({ params: { plan } })
    return progress.presentBytes === before ? progress : undefined
  })
  assert.ok(still.presentBytes < still.wantedBytes)
  assert.equal(still.slowest[0]?.reason?.code, 'paused')
  await client.changePrefetch({ params: { plan }, body: { paused: false } })
  await planWhen(cluster, plan, 'done')
})
