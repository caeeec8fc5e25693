import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { planWhen, startPlan, startPrefetchCluster } from './harness/prefetch.ts'
import { undoAfter } from './harness/undo.ts'

const run = promisify(execFile)
const MIB = 1024 ** 2
const isRoot = process.getuid?.() === 0

test('of two plans that compete the more urgent one is done first, whichever began', {
  timeout: 150_000,
}, async (t) => {
  const { cluster, images } = await startPrefetchCluster(t, {
    peers: 2,
    imagesMib: [48, 48],
    seedConfig: { swarm: { upBytesPerSecond: 8 * MIB } },
  })
  const [first = '', second = ''] = images
  const low = await startPlan(cluster, { images: [{ image: first, all: true }], priority: 20 })
  await planWhen(cluster, low, ({ progress }) => progress.presentBytes > 0)
  const high = await startPlan(cluster, { images: [{ image: second, all: true }], priority: 80 })
  const done = await planWhen(cluster, high, 'done')
  const behind = await cluster.client.showPrefetch({ params: { plan: low } })
  assert.equal(behind.state, 'running', JSON.stringify(behind.progress.nodes))
  await planWhen(cluster, low, 'done')
  assert.equal(done.progress.nodes.ready, 2)
})

test('a plan says which deadline it cannot keep and which it could, and is carried out all the same', {
  timeout: 120_000,
}, async (t) => {
  const { cluster, images } = await startPrefetchCluster(t, {
    peers: 2,
    imagesMib: [48],
    seedConfig: { swarm: { upBytesPerSecond: 8 * MIB } },
  })
  const [image = ''] = images
  const deadline = new Date(Date.now() + 2000).toISOString()
  const made = await cluster.client.createPrefetch({ body: { images: [{ image, all: true }], deadline } })
  const [unmet] = made.unmet
  assert.equal(unmet?.reason, 'deadline')
  assert.ok(Date.parse(unmet.earliestAt ?? '') > Date.parse(deadline))
  const done = await planWhen(cluster, made.id ?? '', 'done')
  assert.equal(done.progress.nodes.ready, 2)
  assert.equal((await cluster.events('plan.late')).length, 1)
})

test('a plan keeps to its own limit', { timeout: 120_000 }, async (t) => {
  const { cluster, images } = await startPrefetchCluster(t, { peers: 2, imagesMib: [16] })
  const [image = ''] = images
  await cluster.import(image)
  const startedAt = Date.now()
  const plan = await startPlan(cluster, { images: [{ image, all: true }], limits: { bytesPerSecond: 4 * MIB } })
  await planWhen(cluster, plan, 'done')
  const seconds = (Date.now() - startedAt) / 1000
  // 32 MiB at 4 MiB/s; what passes at once after a rest is less than a second's worth.
  assert.ok(seconds > 7, `it took ${seconds} s`)
})

test('a plan ends without a node whose disk is full, and says what it lacks', {
  timeout: 120_000,
  skip: isRoot ? false : 'mounting a small file system needs root',
}, async (t) => {
  const small = await mkdtemp(join(tmpdir(), 'shoal-small-disk-'))
  await run('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', small])
  undoAfter(t).after(async () => {
    await run('umount', ['-l', small])
    await rm(small, { recursive: true, force: true })
  })
  const store = join(small, 'layers')
  await mkdir(store)
  const { cluster, images } = await startPrefetchCluster(t, {
    peers: 2,
    imagesMib: [32],
    seedConfig: { prefetch: { excludeAfterMs: 4000 } },
    peerConfig: (index) =>
      index === 0 ? { store: { directory: store }, cache: { maxShare: 1, minFreeBytes: 0 } } : {},
  })
  const [image = ''] = images
  const dry = await cluster.client.createPrefetch({ body: { images: [{ image, all: true }], dryRun: true } })
  assert.deepEqual(
    dry.unmet.map(({ reason, nodes }) => [reason, nodes]),
    [['disk', ['node1']]],
  )
  const plan = await startPlan(cluster, { images: [{ image, all: true }] })
  const partly = await planWhen(cluster, plan, 'partly-done')
  assert.equal(partly.error?.code, 'SHOAL_PLAN_INCOMPLETE')
  assert.equal(partly.progress.nodes.ready, 1)
})
