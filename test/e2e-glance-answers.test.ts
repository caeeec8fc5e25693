import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { createGlanceSite, type GlanceSite } from './harness/glance-site.ts'
import { type RawAnswer, type RawRequest, rawAnswer } from './harness/raw-answer.ts'
import { writeQcow2, writeRandomRaw } from './harness/test-images.ts'

const MIB = 1024 ** 2
/** No whole number of blocks. */
const RAW_BYTES = 3 * MIB + 3 * 512
/** Of no use as a disk: no layer is made of it. */
const ODD_BYTES = 3 * MIB + 333
const USERS = ['admin', 'demo', 'other'] as const
const STRANGER = '00000000-0000-4000-8000-000000000000'

suite("a node's Glance endpoint answers as Glance does", () => {
  const stack = new AsyncDisposableStack()
  const images: Record<string, string> = {}
  let site: GlanceSite

  before(
    async () => {
      site = await createGlanceSite(
        { after: (fn) => stack.defer(async () => void (await fn())) },
        { peers: 1, glance: { accessCacheMs: 0 } },
      )
      await makeImages(site, images)
    },
    { timeout: 120_000 },
  )

  after(() => stack.disposeAsync())

  /** Glance's answer, after it was compared with that of the endpoint. */
  async function same(name: string, request: RawRequest): Promise<RawAnswer> {
    const expected = await rawAnswer(site.openstack.glanceUrl, request)
    const actual = await rawAnswer(site.endpoint('node1'), request)
    assert.deepEqual(describe(actual), describe(expected), name)
    return expected
  }

  test('image data and metadata, for each kind of image and each who asks', { timeout: 180_000 }, async () => {
    const seen: Record<string, number[]> = {}
    for (const user of [...USERS, 'nobody', 'forger'] as const) {
      const headers = await headersOf(site, user)
      for (const [kind, id] of Object.entries({ ...images, stranger: STRANGER })) {
        const path = `/v2/images/${id}`
        await same(`${user}: ${kind}`, { path, headers })
        const { status } = await same(`${user}: data of ${kind}`, { path: `${path}/file`, headers })
        seen[user] = [...(seen[user] ?? []), status]
        await same(`${user}: HEAD of data of ${kind}`, { method: 'HEAD', path: `${path}/file`, headers })
      }
    }
    // The table is worth something only if it has all of these answers in it.
    assert.deepEqual(Object.keys(images), [...KINDS])
    assert.deepEqual(seen, {
      admin: [200, 200, 200, 200, 200, 200, 200, 404, 204, 404],
      demo: [200, 200, 200, 200, 200, 200, 403, 404, 404, 404],
      other: [200, 200, 404, 200, 200, 200, 403, 404, 404, 404],
      nobody: [401, 401, 401, 401, 401, 401, 401, 401, 401, 401],
      forger: [401, 401, 401, 401, 401, 401, 401, 401, 401, 401],
    })
    // Active images came from layers, and Glance gave a byte of each as its word that they may be given.
    for (const kind of LAYERED) {
      const reads = (await site.openstack.imageReads(images[kind] ?? '')).filter(({ status }) => status < 300)
      assert.ok(
        reads.some(({ range }) => range === 'bytes=0-0'),
        kind,
      )
      // One for each direct request of this test that was granted, and the one of the import.
      const whole: number = reads.filter(({ status, range }) => status === 200 && range === null).length
      const granted: number = USERS.filter((user) => seen[user]?.[KINDS.indexOf(kind)] === 200).length
      assert.equal(whole, granted + 1, kind)
    }
    const fromGlance = USERS.length * ODD_BYTES + RAW_BYTES
    assert.equal(await site.metric('node1', 'shoal_gateway_sent_bytes_total{source="glance"}'), fromGlance)
    assert.equal(await site.metric('node1', 'shoal_gateway_passed_total{reason="refused"}'), USERS.length)
  })

  test('ranges, conditions and odd requests', { timeout: 120_000 }, async () => {
    const headers = await headersOf(site, 'demo')
    const path = `/v2/images/${images['public-raw']}/file`
    const extras: Record<string, string>[] = [
      ...[
        'bytes=0-99',
        'bytes=100-',
        'bytes=-100',
        'bytes=0-0',
        'bytes=5-2',
        `bytes=${RAW_BYTES}-`,
        'bytes=0-4,9-12',
      ].map((range) => ({ range })),
      ...['lines=1-2', 'bytes=a-b', `bytes=${MIB}-${2 * MIB}`, `bytes=0-${RAW_BYTES + 5}`].map((range) => ({ range })),
      { 'content-range': 'bytes 10-19/*' },
      { 'if-none-match': '*' },
      { 'accept-encoding': 'gzip, deflate', accept: '*/*', 'user-agent': 'python-glanceclient' },
      { connection: 'close' },
      { te: 'trailers', 'x-forwarded-for': '10.0.0.1' },
    ]
    for (const extra of extras) await same(JSON.stringify(extra), { path, headers: { ...headers, ...extra } })
    for (const method of ['POST', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE']) {
      await same(`${method} of data`, { method, path, headers })
    }
    for (const odd of [`${path}?x=1`, `${path}/`, `/v2.7/images/${images['public-raw']}/file`, path.toUpperCase()]) {
      await same(odd, { path: odd, headers })
    }
  })

  test('everything that is not image data', { timeout: 120_000 }, async () => {
    const headers = await headersOf(site, 'demo')
    const paths = [
      '/',
      '/versions',
      '/v2',
      '/v2/',
      '/v1/images',
      '/healthcheck',
      '/v2/schemas/image',
      '/v2/schemas/images',
    ]
    paths.push('/v2/images?limit=2&sort=name:asc', '/v2/images?status=nonsense', '/v2/images/not-an-id', '/v2/nowhere')
    paths.push('/v2/images/%zz', '/v2/images/%2e%2e/images', '//v2/images', '/v2/info/stores', '/v2/info/import')
    paths.push(`/v2/images/${images.shared}/members`, `/v2/images/${images.private}/tags/x`)
    for (const path of paths) await same(path, { path, headers })
    for (const path of ['/', '/v2/images']) await same(`nobody: ${path}`, { path })
    const bodies: [string, string, string][] = [
      ['POST', '/v2/images', '{"name": 7}'],
      ['POST', '/v2/images', 'no json'],
      ['PATCH', `/v2/images/${images.private}`, '[{"op": "replace", "path": "/name", "value": 7}]'],
      ['PUT', `/v2/images/${images.private}/file`, 'data for an image that has some'],
      ['PUT', `/v2/images/${STRANGER}/file`, 'data for no image'],
    ]
    for (const [method, path, body] of bodies) {
      const isData = path.endsWith('/file')
      const type = isData ? 'application/octet-stream' : 'application/openstack-images-v2.1-json-patch'
      const chosen = method === 'POST' ? 'application/json' : type
      const length = { 'content-length': String(body.length) }
      await same(`${method} ${path}`, {
        method,
        path,
        body,
        headers: { ...headers, 'content-type': chosen, ...length },
      })
    }
  })

  test('uploads that Glance refuses before it has all of them', { timeout: 120_000 }, async () => {
    const good = await headersOf(site, 'demo')
    const data = Buffer.alloc(24 * MIB, 7)
    const refusals: [string, Record<string, string>][] = [
      [`/v2/images/${images['public-raw']}/file`, {}],
      [`/v2/images/${STRANGER}/file`, good],
      [`/v2/images/${images.private}/file`, { ...good, 'content-type': 'text/plain' }],
    ]
    for (const [path, headers] of refusals) {
      for (const framing of [{ 'content-length': String(data.length) }, { 'transfer-encoding': 'chunked' }]) {
        const type = { 'content-type': 'application/octet-stream' }
        const request = { method: 'PUT', path, body: data, headers: { ...type, ...headers, ...framing } }
        // Glance closes the connection: a client that is just writing may lose what it said, so this one asks first.
        const asking = { ...request, headers: { ...request.headers, expect: '100-continue' } }
        const expected = await rawAnswer(site.openstack.glanceUrl, asking)
        for (const sent of [request, asking]) {
          assert.deepEqual(describe(await rawAnswer(site.endpoint('node1'), sent)), describe(expected), path)
        }
      }
    }
  })

  test('the life of an image: created, uploaded in chunks or with a length, changed, deactivated, deleted', {
    timeout: 120_000,
  }, async () => {
    const data = await readFile(join(site.directory, 'raw'))
    for (const isChunked of [true, false]) {
      const [direct, through] = await Promise.all(
        [site.openstack.glanceUrl, site.endpoint('node1')].map((origin) => lifeOf(origin, site, { data, isChunked })),
      )
      assert.deepEqual(through, direct)
    }
  })
})

const LAYERED = ['public-raw', 'public-qcow2', 'private', 'shared', 'community'] as const
const KINDS = [...LAYERED, 'odd', 'deactivated', 'deleted', 'queued'] as const

async function makeImages(
  { directory, openstack, cluster }: GlanceSite,
  images: Record<string, string>,
): Promise<void> {
  const [raw, odd, qcow2] = [join(directory, 'raw'), join(directory, 'odd'), join(directory, 'qcow2')]
  await writeRandomRaw(raw, RAW_BYTES)
  await writeRandomRaw(odd, ODD_BYTES)
  await writeQcow2(qcow2, 5 * MIB)
  const add = (
    name: string,
    file: string,
    visibility: 'public' | 'private' | 'shared' | 'community',
    user?: string,
  ) => {
    const diskFormat = file === qcow2 ? 'qcow2' : 'raw'
    return openstack.uploadImageFast({ name, file, diskFormat, visibility }, user)
  }
  images['public-raw'] = await add('public-raw', raw, 'public')
  images['public-qcow2'] = await add('public-qcow2', qcow2, 'public')
  images.private = await add('private', qcow2, 'private', 'demo')
  images.shared = await add('shared', raw, 'shared', 'demo')
  const other = await projectOf(openstack, 'other')
  await openstack.glance('POST', `/v2/images/${images.shared}/members`, { user: 'demo', json: { member: other } })
  images.community = await add('community', raw, 'community', 'demo')
  images.odd = await add('odd', odd, 'public')
  for (const kind of ['deactivated', 'deleted'] as const) {
    images[kind] = await add(kind, raw, 'public')
    await cluster.import(images[kind] ?? '')
  }
  await openstack.deactivate(images.deactivated ?? '')
  await openstack.deleteImage(images.deleted ?? '')
  images.queued = await openstack.createImage({ name: 'queued', diskFormat: 'raw', visibility: 'private' })
}

async function headersOf({ openstack }: GlanceSite, user: string): Promise<Record<string, string>> {
  if (user === 'nobody') return {}
  return { 'x-auth-token': user === 'forger' ? `${await openstack.token('admin')}x` : await openstack.token(user) }
}

/** The id of a user's project, as its own images name it. */
async function projectOf(openstack: GlanceSite['openstack'], user: string): Promise<string> {
  const id = await openstack.createImage({ name: 'to ask', diskFormat: 'raw', visibility: 'private' }, user)
  const { owner } = (await openstack.glance('GET', `/v2/images/${id}`, { user })) as { owner: string }
  await openstack.deleteImage(id)
  return owner
}

/** Answers to all that happens to an image, without what differs from image to image. */
async function lifeOf(
  origin: string,
  { openstack }: GlanceSite,
  { data, isChunked }: { data: Buffer; isChunked: boolean },
): Promise<unknown[]> {
  const token = { 'x-auth-token': await openstack.token('demo') }
  const json = { ...token, 'content-type': 'application/json' }
  const patch = { ...token, 'content-type': 'application/openstack-images-v2.1-json-patch' }
  const binary = { ...token, 'content-type': 'application/octet-stream' }
  const length = isChunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': String(data.length) }
  const answers: unknown[] = []
  let id = ''
  const send = async (request: RawRequest): Promise<RawAnswer> => {
    const answer = await rawAnswer(origin, request)
    const text = JSON.stringify(describe(answer)).replaceAll(id === '' ? '<id>' : id, '<id>')
    answers.push(
      text.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '<id>').replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>'),
    )
    return answer
  }
  const body = JSON.stringify({ name: 'snapshot', disk_format: 'raw', container_format: 'bare' })
  const created = await send({ method: 'POST', path: '/v2/images', headers: json, body })
  id = String((JSON.parse(created.body.toString()) as { id: string }).id)
  const path = `/v2/images/${id}`
  await send({ path: `${path}/file`, headers: token })
  await send({ method: 'PUT', path: `${path}/file`, headers: { ...binary, ...length }, body: data })
  await send({ path, headers: token })
  const change = JSON.stringify([{ op: 'add', path: '/colour', value: 'blue' }])
  await send({ method: 'PATCH', path, headers: patch, body: change })
  await send({ method: 'PUT', path: `${path}/tags/mine`, headers: token })
  await send({ path: `${path}/file`, headers: token })
  const admin = { 'x-auth-token': await openstack.token('admin') }
  await send({ method: 'POST', path: `${path}/actions/deactivate`, headers: { ...admin, 'content-length': '0' } })
  await send({ path: `${path}/file`, headers: token })
  await send({ method: 'DELETE', path, headers: token })
  await send({ path, headers: token })
  return answers
}

/** Bodies by their hashes, but for short texts, so that a difference can be read. */
function describe({ body, headers, ...answer }: RawAnswer) {
  const isText = headers.some((line) => /^content-type: (application\/json|text)/.test(line))
  const shown = isText ? body.toString() : createHash('sha256').update(body).digest('hex')
  return { ...answer, headers, length: body.length, body: shown }
}
