import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { promisify } from 'node:util'
import type { Plan } from '@shoal/api'
import { createGlanceSite, type GlanceSite, importAhead } from './harness/glance-site.ts'
import { lackOfNova, type NovaJob, type NovaResult, novaUser, runNova } from './harness/nova-download.ts'
import { planWhen } from './harness/prefetch.ts'
import { rawAnswer } from './harness/raw-answer.ts'
import { writeQcow2, writeRandomRaw } from './harness/test-images.ts'
import { until } from './harness/until.ts'

const run = promisify(execFile)
const MIB = 1024 ** 2
const RECEIVED = 'shoal_peer_received_bytes_total'
const NODES = ['node1', 'node2', 'node3']
const UP = join(import.meta.dirname, '../infra/openstack/up.sh')

suite("Nova's own code downloads and uploads through a node's Glance endpoint", { skip: lackOfNova() }, () => {
  const stack = new AsyncDisposableStack()
  const images: Record<string, string> = {}
  const files: Record<string, string> = {}
  let site: GlanceSite

  before(
    async () => {
      site = await createGlanceSite(
        { after: (fn) => stack.defer(async () => void (await fn())) },
        { peers: NODES.length },
      )
      const { openstack, directory } = site
      files.raw = join(directory, 'raw')
      files.qcow2 = join(directory, 'qcow2')
      await writeRandomRaw(files.raw, 9 * MIB + 512)
      await writeQcow2(files.qcow2, 20 * MIB)
      const add = (diskFormat: 'raw' | 'qcow2', visibility: 'public' | 'private' | 'shared', user?: string) =>
        openstack.uploadImageFast({ name: 'image', file: files[diskFormat] ?? '', diskFormat, visibility }, user)
      images.raw = await add('raw', 'public')
      images.qcow2 = await add('qcow2', 'public')
      images.private = await add('qcow2', 'private', 'demo')
      images.shared = await add('raw', 'shared', 'demo')
      const { project_id: member } = await novaUser(openstack, 'other')
      await openstack.glance('POST', `/v2/images/${images.shared}/members`, { user: 'demo', json: { member } })
      images.deactivated = await add('raw', 'public')
      await openstack.deactivate(images.deactivated)
      images.deleted = await add('raw', 'public')
      await openstack.deleteImage(images.deleted)
      images.queued = await openstack.createImage({ name: 'queued', diskFormat: 'raw', visibility: 'public' })
    },
    { timeout: 120_000 },
  )

  after(() => stack.disposeAsync())

  /** The same jobs with Glance itself and with the endpoint, in directories of their own. */
  async function both(jobs: readonly NovaJob[]): Promise<{ direct: NovaResult[]; through: NovaResult[] }> {
    const at = async (name: string) => {
      await mkdir(join(site.directory, name), { recursive: true })
      return join(site.directory, name)
    }
    const [direct, through] = await Promise.all([
      runNova(site.openstack.glanceUrl, await at('direct'), jobs),
      runNova(site.endpoint('node1'), await at('through'), jobs),
    ])
    return { direct, through }
  }

  test('public, private, shared, deactivated, deleted and queued images, for who may have them and who may not', {
    timeout: 180_000,
  }, async () => {
    const jobs: NovaJob[] = []
    for (const name of ['admin', 'demo', 'other']) {
      const user = await novaUser(site.openstack, name)
      for (const [kind, image] of Object.entries(images)) {
        jobs.push({ do: 'fetch_to_raw', user, image, name: `${name}-${kind}-raw` })
        jobs.push({ do: 'fetch', user, image, name: `${name}-${kind}` })
      }
    }
    const { direct, through } = await both(jobs)
    const named = (results: NovaResult[]) => Object.fromEntries(results.map((one, at) => [jobs[at]?.name, one]))
    assert.deepEqual(named(through), named(direct))
    const outcome = named(through)
    const hashes = { raw: await sha512(files.raw ?? ''), qcow2: await sha512(files.qcow2 ?? '') }
    assert.equal(outcome['demo-raw']?.sha512, hashes.raw)
    assert.equal(outcome['other-shared']?.sha512, hashes.raw)
    assert.equal(outcome['other-qcow2']?.sha512, hashes.qcow2)
    assert.equal(outcome['demo-private']?.sha512, hashes.qcow2)
    assert.equal(outcome['other-private']?.error, 'ImageNotFound')
    assert.equal(outcome['demo-deactivated']?.error, 'ImageNotAuthorized')
    assert.equal(outcome['admin-deactivated']?.sha512, hashes.raw)
    assert.equal(outcome['demo-deleted']?.error, 'ImageNotFound')
    assert.ok(outcome['demo-queued']?.error)
    const raw = join(site.directory, 'through', 'demo-qcow2-raw')
    await run('qemu-img', ['compare', '-f', 'raw', '-F', 'qcow2', raw, files.qcow2 ?? ''])
    // Not one of the downloads that were granted was Glance's own, but those of an image that has no layer.
    const fromGlance = await site.metric('node1', 'shoal_gateway_sent_bytes_total{source="glance"}')
    assert.equal(fromGlance, 2 * (await stat(files.raw ?? '')).size)
    assert.equal(await site.metric('node1', 'shoal_gateway_cut_total'), 0)
  })

  /** Nova's own code downloads an image on nodes at the same time, and finds it to be what a file is. */
  async function download(image: string, file: string, nodes: readonly string[]): Promise<void> {
    const user = await novaUser(site.openstack, 'demo')
    const sha512OfFile = await sha512(file)
    await Promise.all(
      nodes.map(async (node) => {
        const directory = join(site.directory, node)
        await mkdir(directory, { recursive: true })
        const [result] = await runNova(site.endpoint(node), directory, [{ do: 'fetch', user, image, name: image }])
        assert.equal(result?.sha512, sha512OfFile, JSON.stringify(result))
      }),
    )
  }

  const downloads = async () => (await site.cluster.client.listPrefetches({ query: { kind: 'download' } })).plans

  test('nodes that download one image are seen as one plan, from running to done', { timeout: 120_000 }, async () => {
    const { openstack, cluster, directory } = site
    const file = join(directory, 'burst')
    await writeRandomRaw(file, 16 * MIB, 7)
    const image = await openstack.uploadImageFast({ name: 'burst', file, diskFormat: 'raw', visibility: 'public' })
    await cluster.client.setLimits({ body: { node: { downBytesPerSecond: 4 * MIB } } })
    const before = new Set((await downloads()).map(({ id }) => id))
    const downloading = download(image, file, NODES)
    const plan = await until('the plan is there', async () => (await downloads()).find(({ id }) => !before.has(id)))
    assert.deepEqual([plan.state, plan.name], ['running', 'burst (downloads)'])
    const id = plan.id ?? ''
    // Nova's processes start one after the other on a busy machine.
    const isMoving = ({ progress: { nodes, presentBytes } }: Plan) => nodes.fetching > 0 && presentBytes > 0
    const running = await planWhen(cluster, id, isMoving)
    assert.equal(running.state, 'running')
    assert.deepEqual(running.images, [{ image, form: 'file' }])
    await downloading
    const { progress } = await planWhen(cluster, id, 'done')
    assert.deepEqual([progress.nodes.total, progress.nodes.ready], [NODES.length, NODES.length])
    assert.equal(progress.presentBytes, NODES.length * 16 * MIB)
    assert.equal((await openstack.imageReads(image)).filter(({ range }) => range !== 'bytes=0-0').length, 1)
    const claims = await cluster.client.listAssignments({ query: {} })
    assert.ok(claims.assignments.every(({ owners = [] }) => !owners.includes(id)))
    await cluster.client.setLimits({ body: { node: { downBytesPerSecond: 'configured' } } })
  })

  test('what was prefetched as a file is downloaded from the node itself', { timeout: 120_000 }, async () => {
    const { openstack, cluster, directory } = site
    const file = join(directory, 'ahead')
    await writeQcow2(file, 12 * MIB, 9)
    const image = await openstack.uploadImageFast({ name: 'ahead', file, diskFormat: 'qcow2', visibility: 'public' })
    await importAhead(site, image)
    const body = { images: [{ image, form: 'file' as const, all: true as const }] }
    const { id } = await cluster.client.createPrefetch({ body })
    await planWhen(cluster, id ?? '', 'done')
    const before = await downloads()
    const received = await site.metric('node2', RECEIVED)
    assert.ok(received >= (await stat(file)).size)
    await download(image, file, ['node2'])
    assert.equal(await site.metric('node2', RECEIVED), received)
    assert.deepEqual(
      (await downloads()).map(({ id }) => id),
      before.map(({ id }) => id),
    )
  })

  test('a snapshot is uploaded through it, byte by byte, and booted from again', { timeout: 120_000 }, async () => {
    const user = await novaUser(site.openstack, 'demo')
    const file = join(site.directory, 'snapshot')
    await writeQcow2(file, 40 * MIB, 3)
    const { size } = await stat(file)
    const directory = join(site.directory, 'through')
    await mkdir(directory, { recursive: true })
    const [made] = await runNova(site.endpoint('node1'), directory, [
      { do: 'snapshot', user, name: 'snapshot', file, format: 'qcow2' },
    ])
    assert.deepEqual({ ...made, image: '' }, { image: '', status: 'active', size })
    const again: NovaJob = { do: 'fetch', user, image: made?.image ?? '', name: 'again' }
    assert.deepEqual(await runNova(site.endpoint('node1'), directory, [again]), [{ size, sha512: await sha512(file) }])
  })

  test('an expired token is refused as Glance refuses it, and good with the token of a service', {
    timeout: 120_000,
  }, async () => {
    const { openstack, directory } = site
    // Known to the endpoint as one who may.
    const warm = await novaUser(openstack, 'demo')
    const path = `/v2/images/${images.private}/file`
    assert.equal(
      (await rawAnswer(site.endpoint('node1'), { path, headers: { 'x-auth-token': warm.token } })).status,
      200,
    )
    await openstack.stopKeystone()
    await run(UP, [join(directory, 'openstack'), '--token-ttl', '3'])
    const short = await requestToken(openstack, 'demo')
    const headers = { 'x-auth-token': short }
    await until(
      'the token has expired',
      async () => (await rawAnswer(openstack.glanceUrl, { path, headers })).status === 401,
    )
    const service = { 'x-service-token': await requestToken(openstack, 'nova') }
    for (const [sent, status] of [
      [headers, 401],
      [{ ...headers, ...service }, 200],
    ] as const) {
      const expected = await rawAnswer(openstack.glanceUrl, { path, headers: sent })
      const actual = await rawAnswer(site.endpoint('node1'), { path, headers: sent })
      assert.equal(expected.status, status)
      assert.deepEqual(actual, expected)
    }
  })
})

async function requestToken({ keystoneUrl }: GlanceSite['openstack'], user: string): Promise<string> {
  const domain = { id: 'default' }
  const project = user === 'nova' ? 'service' : user
  const auth = {
    identity: { methods: ['password'], password: { user: { name: user, domain, password: `${user}pw` } } },
    scope: { project: { name: project, domain } },
  }
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${keystoneUrl}/auth/tokens`, { method: 'POST', headers, body: JSON.stringify({ auth }) })
  await answer.body?.cancel()
  return answer.headers.get('x-subject-token') ?? ''
}

async function sha512(path: string): Promise<string> {
  return createHash('sha512')
    .update(await readFile(path))
    .digest('hex')
}
