import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { encodePublicKey, silentLogger } from '@shoal/core'
import { createLibrary } from '@shoal/library'
import { type Cluster, createCluster } from '../harness/cluster.ts'
import { dial } from '../harness/floods.ts'
import { DASHBOARDS, dashboardExpressions, readDashboard } from '../harness/grafana.ts'
import { joinAsLiar, LIAR, type LyingPeer } from '../harness/lying-peer.ts'
import { call, joinAs } from '../harness/node-caller.ts'
import { planWhen, startPlan } from '../harness/prefetch.ts'
import { prepareBoot } from '../harness/prepare-boot.ts'
import { startPrometheus } from '../harness/prometheus.ts'
import { readRules } from '../harness/rules.ts'
import { writeRandomRaw } from '../harness/test-images.ts'
import { type Undo, undoAfter } from '../harness/undo.ts'
import { until } from '../harness/until.ts'

const run = promisify(execFile)
const MIB = 1024 ** 2
/** The least limit that there is. Bytes per second. */
const TRICKLE = 16 * 1024
/** More than there are places for connections that ask nothing. */
const CONNECTIONS = 1800
/** Between two announces of somebody who is no node. */
const ANNOUNCE_MS = 20
/** Of the images, and how much data each has. */
const IMAGES = { small: 4, long: 24, lies: 16, slow: 48, stuck: 16 } as const

test('Prometheus scrapes a fleet, and every alert fires when there is cause', { timeout: 300_000 }, async (t) => {
  const undo = undoAfter(t)
  const library = await mkdtemp(join(tmpdir(), 'shoal-library-'))
  undo.after(() => rm(library, { recursive: true, force: true }))
  for (const [index, [name, sizeMib]] of Object.entries(IMAGES).entries()) {
    await writeRandomRaw(join(library, `${name}.raw`), sizeMib * MIB, index + 1)
  }
  // It says that it is qcow2 and is not.
  await writeFile(join(library, 'broken.qcow2'), Buffer.alloc(MIB, 7))
  // In this process, so that it can be stopped while the seed runs.
  const glance = createLibrary({ logger: silentLogger }, { directory: library })
  const endpoint = await glance.start()
  undo.after(() => glance.stop())
  const foreignKey = encodePublicKey(generateKeyPairSync('ed25519').publicKey)
  const cluster = await createCluster(undo, {
    peers: 4,
    library: { endpoint },
    // Until then a plan waits for a node that is away.
    seedConfig: { prefetch: { excludeAfterMs: 120_000 }, nodes: { suspects: { reporters: 1 } } },
    peerConfig: (index, directory) => ({
      api: { metricsTokenFile: join(directory, 'seed', 'node.token') },
      cache: { scrubBytesPerSecond: 1e9, ...(index === 1 ? { maxBytes: 2 * MIB } : {}) },
      ...(index === 2 ? { seed: { publicKey: foreignKey } } : {}),
    }),
  })
  await cluster.startSeed()
  await cluster.startPeers()
  const prometheus = await startPrometheus(undo, cluster)
  const fired = new Set<string>()
  const fires = async (alert: string, node?: string) => {
    const instance = node === undefined ? {} : { instance: new URL(cluster.peer(node).url).hostname }
    const { annotations } = await prometheus.fires(alert, { ...instance, timeoutMs: 60_000 })
    t.diagnostic(`${alert}: ${annotations.summary}`)
    fired.add(alert)
  }
  const images = await imageIds(cluster)
  const importNow = async (name: keyof typeof IMAGES) => (await cluster.import(images.get(name) ?? '')).layer ?? ''

  await until('every service is scraped', async () => {
    const up = await prometheus.query('up')
    return up.length === 5 && up.every(({ value }) => value[1] === '1')
  })
  const small = await importNow('small')
  assert.deepEqual(
    (await prometheus.alerts()).map(({ labels }) => labels.alertname),
    [],
  )

  // A node that evicts a layer and fetches it again and again; one that has no room for it; one that trusts another key.
  await Promise.all([
    fetchAgain(cluster, small, 4).then(() => fires('ShoalSeedCopiesHigh')),
    cluster.assign(small, ['node2']).then(() => fires('ShoalCachePressure', 'node2')),
    cluster.assign(small, ['node3']).then(() => fires('ShoalManifestSignature')),
    fires('ShoalLayerFailed', 'node3'),
  ])

  const others = await Promise.all([importNow('lies'), importNow('slow'), importNow('stuck')])
  const [lies = ''] = others

  // A plan whose only node dies in the middle of it; half a minute later it counts as stuck.
  const { client } = cluster
  await client.setLimits({ body: { seedUpBytesPerSecond: TRICKLE } })
  const plan = await startPlan(cluster, { images: [{ image: images.get('stuck') ?? '', nodes: ['node1'] }] })
  await planWhen(cluster, plan, ({ progress }) => progress.nodes.fetching === 1)
  await cluster.peer('node1').end()
  const isStuck = fires('ShoalPlanStuck')

  // What is read of the library at its limit.
  await client.setLimits({ body: { libraryBytesPerSecond: 2 * MIB, seedUpBytesPerSecond: 6 * MIB } })
  await Promise.all([importNow('long'), fires('ShoalLibraryLimitHit')])

  // A node that gives nothing but bad blocks, asked first since the seed is slow.
  const liar = await joinAsLiar(undo, cluster, lies)
  await register(cluster, liar)
  await cluster.assign(lies, ['node4'])
  await Promise.all([fires('ShoalCorruptPeer', 'node4'), fires('ShoalSuspectNode')])
  await cluster.complete(lies, ['node4'])
  await liar.leave()
  await client.removeNode({ params: { node: LIAR } })

  // Strangers.
  await Promise.all([flood(undo, cluster), fires('ShoalFlood')])
  await whileAnnouncing(cluster, lies, () => fires('ShoalIntruder'))

  // VMs that wait, and a disk that cannot be.
  await client.setLimits({ body: { seedUpBytesPerSecond: MIB } })
  const waiting = new AbortController()
  undo.after(async () => waiting.abort())
  const slow = await prepareBoot(cluster, 'node4', 'slow', { image: images.get('slow') ?? '', overlay: null })
  // One read that has to be fetched, and one that finds it there.
  for (let time = 0; time < 2; time += 1) await run('qemu-io', ['-r', '-f', 'raw', '-c', 'read 25M 4k', slow.uri])
  await client.setLimits({ body: { seedUpBytesPerSecond: TRICKLE } })
  for (const at of [30, 33, 36, 39, 42, 45]) {
    const reading = run('qemu-io', ['-r', '-f', 'raw', '-c', `read ${at}M 4k`, slow.uri], { signal: waiting.signal })
    reading.catch(() => {})
  }
  const node4 = await cluster.peerClient('node4')
  await node4.prepareBoot({ params: { boot: 'broken' }, body: { image: images.get('broken') ?? '', overlay: null } })
  await Promise.all([fires('ShoalBootStalls', 'node4'), fires('ShoalBootFailed', 'node4')])
  await graphsAreDrawn(t, prometheus)
  await damageDisk(cluster, 'node4', lies)
  await fires('ShoalCorruptDisk', 'node4')
  await isStuck

  // Nodes that die, the library, and the seed.
  await Promise.all(['node2', 'node3'].map((name) => cluster.peer(name).end()))
  await Promise.all([fires('ShoalNodeUnreachable'), fires('ShoalManyNodesUnreachable')])
  await glance.stop()
  await fires('ShoalLibraryUnreachable')
  await cluster.seed.end()
  await fires('ShoalSeedDown')

  assert.deepEqual([...fired].sort(), (await readRules()).map(({ alert }) => alert).sort())
})

async function imageIds(cluster: Cluster): Promise<ReadonlyMap<string, string>> {
  const count = Object.keys(IMAGES).length + 1
  const images = await until('the seed sees the images', async () => {
    const known = (await cluster.client.listImages()).images
    return known.length === count ? known : undefined
  })
  return new Map(images.map(({ id, name }) => [name ?? '', id]))
}

/** The liar is one of the nodes. */
async function register(cluster: Cluster, { address, peerId }: LyingPeer): Promise<void> {
  const nodesUrl = `https://${new URL(cluster.seed.url).hostname}:7423`
  const { token } = await cluster.client.createJoinToken({ body: { node: LIAR } })
  const { credential } = await joinAs(nodesUrl, { node: LIAR, token })
  const body = {
    ...{ swarmAddress: address, swarmPeerId: peerId, zone: '', rack: '' },
    ...{ dhtAddress: null, apiUrl: null, capacityBytes: 1, version: '1' },
  }
  const answer = await call(nodesUrl, { method: 'PUT', path: `/v1/nodes/${LIAR}`, credential, body })
  assert.equal(answer.status, 200)
}

/** Opens connections to the seed that never ask for anything. */
async function flood(undo: Undo, { seed }: Cluster): Promise<void> {
  const { hostname, port } = new URL(seed.url)
  const target = { host: hostname, port: Number(port), from: hostname.replace(/\d+$/, '250') }
  const sockets = await dial(undo, target, CONNECTIONS, Buffer.from('GET /'))
  for (const socket of sockets) socket.destroy()
}

/** Somebody without a certificate asks the tracker all the while: of one that comes once there is no rate to tell. */
async function whileAnnouncing({ client }: Cluster, layer: string, task: () => Promise<void>): Promise<void> {
  const url = (await client.status()).tracker.announceUrls.find((each) => each.startsWith('http'))
  const { infoHash } = await client.showLayer({ params: { layer } })
  const query = `info_hash=${infoHash.replace(/../g, '%$&')}&peer_id=${'b'.repeat(20)}&port=7441&uploaded=0&downloaded=0&left=1&compact=1`
  let isOver = false
  const done = task().finally(() => {
    isOver = true
  })
  while (!isOver) {
    await (await fetch(`${url}?${query}`)).arrayBuffer()
    await sleep(ANNOUNCE_MS)
  }
  await done
}

/** A node fetches a layer from the seed so often, evicting it in between. */
async function fetchAgain(cluster: Cluster, layer: string, times: number): Promise<void> {
  const node = await cluster.peerClient('node1')
  for (let time = 0; time < times; time += 1) {
    if (time > 0) {
      await node.evictLayers({ body: { layer } })
      await until('the seed knows', async () => (await cluster.reported('node1', layer))?.state === 'evicted')
    }
    await cluster.assign(layer, ['node1'])
    await cluster.complete(layer, ['node1'])
  }
}

/** Changes a byte on a node's disk while its daemon is down. */
async function damageDisk(cluster: Cluster, node: string, layer: string): Promise<void> {
  const peer = cluster.peer(node)
  await peer.end('SIGTERM')
  const file = await open(cluster.layerFile(node, layer), 'r+')
  await file.write(Buffer.from('not what was written'), 0, 20, 3 * MIB)
  await file.close()
  await peer.start()
}

/** Prometheus has an answer for every graph, but for those of things that do not happen in this test. */
async function graphsAreDrawn(
  t: { diagnostic(text: string): void },
  prometheus: Awaited<ReturnType<typeof startPrometheus>>,
): Promise<void> {
  for (const name of DASHBOARDS) {
    const expressions = dashboardExpressions(await readDashboard(name))
    const empty: string[] = []
    for (const expression of expressions) {
      if ((await prometheus.query(expression)).length === 0) empty.push(expression)
    }
    t.diagnostic(`${name}: ${expressions.length} expressions, without an answer: ${empty.join(' | ') || 'none'}`)
    assert.ok(empty.length <= 2, `${name}: ${empty.join('\n')}`)
  }
}
