import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import type { NodeMode } from '@shoal/api'
import type { Cluster } from './harness/cluster.ts'
import { planWhen, startPlan, startPrefetchCluster } from './harness/prefetch.ts'
import { prepareBoot } from './harness/prepare-boot.ts'
import { until } from './harness/until.ts'

const run = promisify(execFile)
const MIB = 1024 * 1024

const setMode = ({ client }: Cluster, node: string, mode: NodeMode) =>
  client.setNodeMode({ params: { node }, body: { mode, reason: 'a test' } })

/** Brings a layer to nodes. */
async function bring(cluster: Cluster, layer: string, nodes: string[]): Promise<void> {
  await cluster.assign(layer, nodes)
  await cluster.complete(layer, nodes)
}

/** What a node has sent of a layer to others, by its own word. */
async function given(cluster: Cluster, node: string, layer: string): Promise<number | undefined> {
  const { layers } = await (await cluster.peerClient(node)).localStatus()
  return layers.find(({ digest }) => digest === layer)?.uploadedBytes
}

/** What a node's own daemon says of its mode. */
const heard = (cluster: Cluster, node: string, mode: NodeMode) =>
  until(`${node} knows that it is ${mode}`, async () => {
    const local = await cluster.peerClient(node)
    return (await local.localStatus()).mode?.mode === mode
  })

test('nodes that drain or are in quarantine are left out, over a kill of the seed, and VMs there go on', {
  timeout: 120_000,
}, async (t) => {
  const { cluster, images, files } = await startPrefetchCluster(t, {
    ...{ peers: 3, imagesMib: [8, 8, 8] },
    // Whoever can takes from nodes.
    seedConfig: { swarm: { upBytesPerSecond: 8 * MIB }, nodes: { lostAfterHeartbeats: 2 } },
  })
  const [first = '', second = '', third = ''] = images

  // Drained, it gets nothing of a plan for all.
  await setMode(cluster, 'node3', 'draining')
  const plan = await planWhen(cluster, await startPlan(cluster, { images: [{ image: first, all: true }] }), 'done')
  assert.deepEqual([plan.progress.nodes.total, plan.unmet], [2, []])
  const { layer } = await cluster.client.showImage({ params: { image: first } })
  assert.ok(layer !== null)
  assert.equal(await cluster.reported('node3', layer), undefined)
  await setMode(cluster, 'node3', 'active')

  // In quarantine, it gives nothing, though it has all.
  const before = await given(cluster, 'node1', layer)
  await setMode(cluster, 'node1', 'quarantined')
  await cluster.seed.end('SIGKILL')
  await cluster.startSeed()
  await heard(cluster, 'node1', 'quarantined')
  await bring(cluster, layer, ['node3'])
  assert.equal(await given(cluster, 'node1', layer), before)
  await until('its copy does not count', async () => {
    const all = await Promise.all(['node1', 'node2', 'node3'].map((node) => cluster.reported(node, layer)))
    const { nodesComplete } = await cluster.client.showLayer({ params: { layer } })
    return all.every((held) => held?.state === 'complete') && nodesComplete === 2
  })

  // A VM there reads what others have, and gives nothing of it either.
  const own = (await cluster.import(second)).layer ?? ''
  await bring(cluster, own, ['node2'])
  const boot = await prepareBoot(cluster, 'node1', 'vm', { image: second, overlay: null })
  await run('qemu-img', ['compare', '-f', 'raw', '-F', 'raw', boot.uri, files[1] ?? ''])
  await cluster.complete(own, ['node1'])
  await bring(cluster, own, ['node3'])
  assert.equal(await given(cluster, 'node1', own), 0)

  // Active again it gives what it has, of which nobody else has any.
  await setMode(cluster, 'node1', 'active')
  await heard(cluster, 'node1', 'active')
  const last = (await cluster.import(third)).layer ?? ''
  await bring(cluster, last, ['node1'])
  await bring(cluster, last, ['node2', 'node3'])
  await until('node1 has given', async () => ((await given(cluster, 'node1', last)) ?? 0) > 0)

  // It may go when its VM has, and nobody misses it.
  await setMode(cluster, 'node1', 'draining')
  const isDrained = async () => (await cluster.client.showNode({ params: { node: 'node1' } })).mode.isDrained
  await heard(cluster, 'node1', 'draining')
  assert.equal(await isDrained(), false)
  await (await cluster.peerClient('node1')).releaseBoot({ params: { boot: 'vm' } })
  await until('node1 is drained', isDrained)
  await cluster.peer('node1').end('SIGKILL')
  const overview = await until('node1 is gone', async () => {
    const seen = await cluster.client.overview()
    return seen.nodes.away === 1 ? seen : undefined
  })
  assert.deepEqual([overview.nodes.lost, overview.nodes.troubled, overview.health.verdict], [0, 0, 'healthy'])
  const changes = await cluster.events('node.mode-changed')
  const told = changes.map(({ node, details }) => `${node} ${details.mode}`)
  assert.deepEqual(told, [
    ...['node3 draining', 'node3 active'],
    ...['node1 quarantined', 'node1 active', 'node1 draining'],
  ])
  const drained = (await cluster.events('node.drained')).at(-1)
  assert.ok(drained?.node === 'node1' && drained.id > (changes.at(-1)?.id ?? 0))
})
