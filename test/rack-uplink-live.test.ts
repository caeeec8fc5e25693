import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createCluster } from './harness/cluster.ts'
import { undoAfter } from './harness/undo.ts'
import { until } from './harness/until.ts'

const MB = 1_000_000

test('the uplink of a rack is shared by its nodes that are alive, and given anew when one dies and when it is changed', {
  timeout: 90_000,
}, async (t) => {
  const undo = undoAfter(t)
  const library = await mkdtemp(join(tmpdir(), 'shoal-library-'))
  undo.after(() => rm(library, { recursive: true, force: true }))
  const cluster = await createCluster(undo, {
    peers: 3,
    library: { directory: library },
    seedConfig: { racks: { uplinkBytesPerSecond: 60 * MB }, nodes: { limits: { crossRackBytesPerSecond: 50 * MB } } },
    // node3 is alone in its rack. Only the push channel can be in time.
    peerConfig: (index) => ({ rack: index === 2 ? 'r2' : 'r1', reconcile: { intervalMs: 600_000 } }),
  })
  await cluster.startSeed()
  await cluster.startPeers()
  const reaches = async (node: string, out: number | null, into: number | null) => {
    const peer = await cluster.peerClient(node)
    const isReached = async () => {
      const { crossRackBytesPerSecond, crossRackDownBytesPerSecond } = (await peer.localStatus()).limits.effective
      return crossRackBytesPerSecond === out && crossRackDownBytesPerSecond === into
    }
    await until(`${node} keeps ${out} and ${into}`, isReached, { timeoutMs: 30_000 })
  }
  await reaches('node1', 30 * MB, 30 * MB)
  await reaches('node2', 30 * MB, 30 * MB)
  // What is configured for each node is lower than what it could send as the only one.
  await reaches('node3', 50 * MB, 60 * MB)

  await cluster.peer('node1').end('SIGKILL')
  await reaches('node2', 50 * MB, 60 * MB)
  await cluster.peer('node1').start()
  await reaches('node1', 30 * MB, 30 * MB)
  await reaches('node2', 30 * MB, 30 * MB)

  await cluster.client.setLimits({ body: { rackUplinkBytesPerSecond: 20 * MB } })
  await reaches('node1', 10 * MB, 10 * MB)
  await reaches('node3', 20 * MB, 20 * MB)
  await cluster.client.setLimits({ body: { rackUplinkBytesPerSecond: null } })
  await reaches('node2', 50 * MB, null)
})
