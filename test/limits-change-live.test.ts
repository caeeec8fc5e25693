import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { NodeLimits } from '@shoal/api'
import { NO_TRANSFER_LIMITS } from '@shoal/core'
import { createCluster } from './harness/cluster.ts'
import { undoAfter } from './harness/undo.ts'
import { until } from './harness/until.ts'

const MB = 1_000_000

test('limits that an operator sets reach running nodes within seconds and survive kill -9', {
  timeout: 60_000,
}, async (t) => {
  const undo = undoAfter(t)
  const library = await mkdtemp(join(tmpdir(), 'shoal-library-'))
  undo.after(() => rm(library, { recursive: true, force: true }))
  const cluster = await createCluster(undo, {
    peers: 2,
    library: { directory: library },
    seedConfig: { nodes: { limits: { prefetchBytesPerSecond: 60 * MB } } },
    peerConfig: (index) => ({
      limits: index === 0 ? { downBytesPerSecond: 10 * MB } : {},
      // Only the push channel can be in time.
      reconcile: { intervalMs: 600_000 },
    }),
  })
  await cluster.startSeed()
  await cluster.startPeers()
  const effective = async (node: string) => (await (await cluster.peerClient(node)).localStatus()).limits.effective
  const reaches = (node: string, expected: NodeLimits, timeoutMs = 5000) => {
    const isReached = async () => JSON.stringify(await effective(node)) === JSON.stringify(expected)
    return until(`${node} keeps ${JSON.stringify(expected)}`, isReached, { timeoutMs })
  }
  const configured = { ...NO_TRANSFER_LIMITS, prefetchBytesPerSecond: 60 * MB }
  await reaches('node1', { ...configured, downBytesPerSecond: 10 * MB })
  await reaches('node2', configured)

  const node = { downBytesPerSecond: 40 * MB, crossRackBytesPerSecond: 20 * MB, prefetchBytesPerSecond: null }
  await cluster.client.setLimits({ body: { node } })
  const first = { ...NO_TRANSFER_LIMITS, downBytesPerSecond: 10 * MB, crossRackBytesPerSecond: 20 * MB }
  const second = { ...first, downBytesPerSecond: 40 * MB }
  await reaches('node1', first)
  await reaches('node2', second)
  await until('the seed shows what node1 keeps', async () => {
    const { inventory } = await cluster.client.showNode({ params: { node: 'node1' } })
    return inventory?.limits?.downBytesPerSecond === 10 * MB && inventory.limits.crossRackBytesPerSecond === 20 * MB
  })

  await cluster.seed.end('SIGKILL')
  await cluster.peer('node2').end('SIGKILL')
  await cluster.peer('node2').start()
  await reaches('node2', second, 20_000)
  await cluster.startSeed()
  assert.deepEqual((await cluster.client.showLimits()).set, { node })
  await cluster.client.setLimits({ body: { node: { downBytesPerSecond: 'configured' } } })
  await reaches('node2', { ...second, downBytesPerSecond: null }, 20_000)
})

test('a window of the schedule that holds reaches running nodes within seconds, survives kill -9, and ends when it is cleared', {
  timeout: 60_000,
}, async (t) => {
  const undo = undoAfter(t)
  const library = await mkdtemp(join(tmpdir(), 'shoal-library-'))
  undo.after(() => rm(library, { recursive: true, force: true }))
  const cluster = await createCluster(undo, {
    peers: 1,
    library: { directory: library },
    // Only the push channel can be in time.
    peerConfig: () => ({ reconcile: { intervalMs: 600_000 } }),
  })
  await cluster.startSeed()
  await cluster.startPeers()
  const peer = await cluster.peerClient('node1')
  const reaches = async (downBytesPerSecond: number | null) => {
    const isReached = async () => (await peer.localStatus()).limits.effective.downBytesPerSecond === downBytesPerSecond
    await until(`node1 keeps ${downBytesPerSecond}`, isReached, { timeoutMs: 20_000 })
  }
  const limits = { node: { downBytesPerSecond: 30 * MB } }
  const always = { name: 'always', from: '00:00', to: '00:00', timeZone: 'America/New_York', limits }
  await reaches(null)
  await cluster.client.setLimitsSchedule({ body: { windows: [always] } })
  await reaches(30 * MB)
  await cluster.client.setLimits({ body: { node: { downBytesPerSecond: 40 * MB } } })
  await reaches(40 * MB)
  await cluster.seed.end('SIGKILL')
  await cluster.startSeed()
  const { active, windows } = await cluster.client.showLimitsSchedule()
  assert.deepEqual({ active, windows }, { active: 'always', windows: [always] })
  await cluster.client.setLimits({ body: { node: { downBytesPerSecond: 'configured' } } })
  await reaches(30 * MB)
  await cluster.client.setLimitsSchedule({ body: { windows: [] } })
  await reaches(null)
})
