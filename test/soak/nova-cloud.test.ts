import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { ensureUltralight } from '../../infra/guests/ultralight/ensure-ultralight.ts'
import { instancesPathOf, type Nova, startNova } from '../../infra/openstack/nova.ts'
import { type OpenStack, startOpenStack } from '../../infra/openstack/openstack.ts'
import { type Cluster, createCluster } from '../harness/cluster.ts'
import { planWhen } from '../harness/prefetch.ts'
import { undoAfter } from '../harness/undo.ts'
import { until } from '../harness/until.ts'

const run = promisify(execFile)
/** For one step of services that share a slow machine with others. */
const STEP_MS = 300_000
const FLAVOR = { id: '1', name: 'small', vcpus: 1, ram: 192, disk: 1 }
const DECOY = 'decoy'
/** The weigher's max_age_seconds, and some. */
const SCORES_HOLD_MS = 35_000

interface Cloud {
  readonly openstack: OpenStack
  readonly cluster: Cluster
  readonly nova: Nova
  readonly glancePort: number
  /** Uploads the guest's disk once more, as an image of its own. */
  upload(name: string): Promise<string>
}

/**
 * All of OpenStack that a server without network needs, with one compute service on libvirt, a second one that only pretends and has more of
 * everything; a seed, and a peer on the first that serves Glance and looks after Nova's image cache.
 */
async function start(t: TestContext): Promise<Cloud> {
  const undo = undoAfter(t)
  const guest = await ensureUltralight({ say: (line) => t.diagnostic(line) })
  const directory = await mkdtemp(join(tmpdir(), 'shoal-nova-cloud-'))
  undo.after(() => rm(directory, { recursive: true, force: true }))
  const openstack = await startOpenStack({ directory })
  undo.after(() => openstack.stop())
  const instancesPath = instancesPathOf(directory)
  for (const name of ['_base', 'locks']) await mkdir(join(instancesPath, name), { recursive: true })
  const { kernel, initrd, parameters = '' } = guest.kernel
  const kernelId = await uploadPart(openstack, 'aki', kernel)
  const ramdiskId = await uploadPart(openstack, 'ari', initrd)
  const properties = { kernel_id: kernelId, ramdisk_id: ramdiskId, os_command_line: parameters }
  const upload = (name: string) =>
    openstack.uploadImageFast({ name, file: guest.flat, diskFormat: 'qcow2', visibility: 'public', properties })

  const glancePort = 17_422
  const cluster = await createCluster(undo, {
    peers: 1,
    library: {},
    seedEnv: openstack.env,
    peerConfig: () => ({
      novaCache: { enabled: true, instancesPath, format: 'raw', eviction: 'nova' },
      glance: { url: openstack.glanceUrl, host: '127.0.0.1', port: glancePort },
    }),
  })
  await cluster.startSeed()
  await cluster.startPeers()
  const nova = await startNova(openstack, {
    ...{ directory, hostName: 'node1', decoy: DECOY, weightMultiplier: 10 },
    glanceEndpoint: `http://127.0.0.1:${glancePort}`,
    seedUrl: cluster.seed.url,
    seedTokenFile: join(cluster.directory, 'seed', 'node.token'),
  })
  undo.after(() => nova.stop())
  await nova.call('POST', '/flavors', { flavor: FLAVOR })
  return { openstack, cluster, nova, glancePort, upload }
}

async function uploadPart(openstack: OpenStack, format: 'aki' | 'ari', file: string): Promise<string> {
  const json = { name: format, disk_format: format, container_format: format, visibility: 'public' }
  const { id } = (await openstack.glance('POST', '/v2/images', { json })) as { id: string }
  const token = await openstack.token()
  const type = 'Content-Type: application/octet-stream'
  const url = `${openstack.glanceUrl}/v2/images/${id}/file`
  await run('curl', ['-sf', '-X', 'PUT', '-H', `X-Auth-Token: ${token}`, '-H', type, '-T', file, url])
  return id
}

/** Waits until servers are up; the hosts that the scheduler chose. */
async function active(nova: Nova, ids: readonly string[]): Promise<(string | null)[]> {
  const hosts: (string | null)[] = []
  for (const id of ids) {
    const server = await until(
      `server ${id} is up`,
      async () => {
        const shown = await nova.server(id)
        if (shown.status === 'ERROR') throw new Error(shown.fault?.message)
        return shown.status === 'ACTIVE' ? shown : undefined
      },
      { timeoutMs: STEP_MS, everyMs: 1000 },
    )
    hosts.push(server['OS-EXT-SRV-ATTR:host'])
  }
  return hosts
}

/** Waits until guests have checked their disks, and found them right. */
async function checked(nova: Nova, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const text = await until(
      `the guest of ${id} is up`,
      async () => /SHOAL-GUEST-UP.*END/.exec(await nova.console(id))?.[0],
      { timeoutMs: STEP_MS, everyMs: 1000 },
    )
    assert.match(text, / failed=0 units=files:[1-9]/)
  }
}

/** How often Glance gave the data of an image; whether somebody may have it is asked with one byte. */
async function wholeReads(openstack: OpenStack, image: string): Promise<number> {
  return (await openstack.imageReads(image)).filter(({ range }) => range !== 'bytes=0-0').length
}

/** What the weigher gave to hosts, a list for each request. */
async function shoalWeights(nova: Nova): Promise<number[][]> {
  const lines = (await nova.log('nova-scheduler')).matchAll(/ShoalWeigher: raw weights \{(.*?)\}/g)
  return [...lines].map(([, hosts = '']) => [...hosts.matchAll(/\): ([0-9.]+)/g)].map(([, weight]) => Number(weight)))
}

test('an unmodified Nova starts servers where Shoal has their image, from what Shoal has put there or serves as Glance', async (t) => {
  const { openstack, cluster, nova, upload } = await start(t)
  let known = ''

  await t.test('an image that was brought to a node: Nova schedules there and asks nobody for its data', async () => {
    const image = await upload('brought')
    known = image
    const { layer } = await cluster.import(image, STEP_MS)
    assert.ok(layer !== null)
    const readsBefore = await wholeReads(openstack, image)
    assert.equal(readsBefore, 1)
    await cluster.assign(layer)
    const base = join(nova.instancesPath, '_base', createHash('sha1').update(image).digest('hex'))
    const peer = await cluster.peerClient('node1')
    await until(
      'the base file is placed',
      async () => (await peer.listNovaBases()).bases.some((one) => one.image === image && one.state === 'placed'),
      { timeoutMs: STEP_MS },
    )
    const { ino } = await stat(base)
    await cluster.complete(layer, ['node1'], STEP_MS)
    // The scheduler's first request begins its reading, and does not wait for it.
    const first = await nova.createServer('first', image, FLAVOR.id)
    await active(nova, [first])
    await until(
      'the scheduler has read the scores',
      async () => /Shoal: cache scores of [1-9]/.test(await nova.log('nova-scheduler')),
      {
        timeoutMs: STEP_MS,
      },
    )
    const ids: string[] = []
    for (const name of ['vm1', 'vm2', 'vm3']) ids.push(await nova.createServer(name, image, FLAVOR.id))
    assert.deepEqual(await active(nova, ids), ['node1', 'node1', 'node1'])
    assert.ok(
      (await shoalWeights(nova)).at(-1)?.some((weight) => weight > 0.5),
      'the host with the image weighs nothing',
    )
    await checked(nova, ids)
    assert.equal(await wholeReads(openstack, image), readsBefore, 'Glance was asked for the image')
    assert.equal((await stat(base)).ino, ino)
    await until('the machines are seen', async () => {
      const shown = (await peer.listNovaBases()).bases.find((one) => one.image === image)
      return ids.every((id) => shown?.users.includes(`machine ${id}`))
    })
    for (const id of [first, ...ids]) await nova.call('DELETE', `/servers/${id}`)
  })

  await t.test('an image that nobody brought: Nova downloads it from the peer, and Glance is read once', async () => {
    const image = await upload('not brought')
    const servers = [1, 2].map((number) =>
      nova.call('POST', '/servers', {
        server: { name: `cold${number}`, imageRef: image, flavorRef: FLAVOR.id, networks: 'none', host: 'node1' },
      }),
    )
    const ids = (await Promise.all(servers)).map((answer) => (answer as { server: { id: string } }).server.id)
    assert.deepEqual(await active(nova, ids), ['node1', 'node1'])
    await checked(nova, ids)
    assert.equal(await wholeReads(openstack, image), 1)
  })

  await t.test("Nova's own precaching of an aggregate comes from the peer, too, and Glance is read once", async () => {
    const image = await upload('precached')
    const aggregate = { name: 'precached', availability_zone: null }
    const made = (await nova.call('POST', '/os-aggregates', { aggregate })) as { aggregate: { id: number } }
    const path = `/os-aggregates/${made.aggregate.id}`
    await nova.call('POST', `${path}/action`, { add_host: { host: 'node1' } })
    await nova.call('POST', `${path}/images`, { cache: [{ id: image }] })
    const base = join(nova.instancesPath, '_base', createHash('sha1').update(image).digest('hex'))
    const plan = await until(
      'the precaching is seen as a plan',
      async () => {
        const { plans } = await cluster.client.listPrefetches({ query: { kind: 'download' } })
        return plans.find(({ name }) => name === 'precached (downloads)')
      },
      { timeoutMs: STEP_MS },
    )
    await until('the image is cached', async () => (await stat(base)).isFile(), { timeoutMs: STEP_MS })
    assert.equal(await wholeReads(openstack, image), 1)
    const done = await planWhen(cluster, plan.id ?? '', 'done', STEP_MS)
    assert.deepEqual(done.images, [{ image, form: 'file' }])
    assert.deepEqual([done.progress.nodes.total, done.progress.nodes.ready], [1, 1])
  })

  await t.test('without the seed, Nova schedules as if there were no Shoal', async () => {
    const image = known
    await cluster.seed.end()
    const endedAt = performance.now()
    await until('the scores are too old', async () => performance.now() - endedAt > SCORES_HOLD_MS)
    const id = await nova.createServer('alone', image, FLAVOR.id)
    await active(nova, [id])
    assert.deepEqual((await shoalWeights(nova)).at(-1), [0, 0])
    assert.match(await nova.log('nova-scheduler'), /no new cache scores/)
  })

  await t.test('switched off, Nova is as it was: it schedules by itself and asks Glance itself', async () => {
    await cluster.peer('node1').end('SIGTERM')
    await nova.reconfigure({ withoutWeigher: true, glanceEndpoint: '' })
    const image = await upload('without Shoal')
    const weighed = (await shoalWeights(nova)).length
    await active(nova, [await nova.createServer('free', image, FLAVOR.id)])
    assert.equal((await shoalWeights(nova)).length, weighed)
    const answer = await nova.call('POST', '/servers', {
      server: { name: 'plain', imageRef: image, flavorRef: FLAVOR.id, networks: 'none', host: 'node1' },
    })
    const { id } = (answer as { server: { id: string } }).server
    assert.deepEqual(await active(nova, [id]), ['node1'])
    await checked(nova, [id])
    assert.equal(await wholeReads(openstack, image), 1)
  })
})
