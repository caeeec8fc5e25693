import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { type OpenStack, startOpenStack } from '../infra/openstack/openstack.ts'
import { type Cluster, createCluster } from './harness/cluster.ts'
import { undoAfter } from './harness/undo.ts'
import { until } from './harness/until.ts'

/** Fernet tokens end at a whole second. */
const TOKEN_SECONDS = 10
const CACHE_MS = 200
const ID = '00000000-0000-4000-8000-000000000000'

it("users of a real Keystone may do what their roles are mapped to; another project's, expired and revoked tokens nothing", async (t) => {
  const undo = undoAfter(t)
  const directory = await mkdtemp(join(tmpdir(), 'shoal-keystone-'))
  undo.after(() => rm(directory, { recursive: true, force: true }))
  const openstack = await startOpenStack({ directory: join(directory, 'cloud'), tokenTtlSeconds: TOKEN_SECONDS })
  undo.after(() => openstack.stop())
  const roles = [
    { keystoneRole: 'admin', project: 'admin@Default', role: 'admin' },
    { keystoneRole: 'member', project: 'demo@Default', role: 'operator' },
    { keystoneRole: 'member', project: 'other@Default', role: 'operator' },
    { keystoneRole: 'service', project: 'service@Default', role: 'reader' },
  ]
  const cluster = await createCluster(undo, {
    ...{ peers: 2, library: {}, seedEnv: openstack.env },
    seedConfig: {
      access: { imageCacheMs: CACHE_MS, keystone: { url: openstack.keystoneUrl, cacheMs: CACHE_MS, roles } },
    },
  })
  await cluster.startSeed()
  const ask = async (token: string, method = 'GET', path = '/v1/session', body?: object) => {
    const response = await fetch(cluster.seed.url + path, {
      method,
      headers: { 'x-auth-token': token, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    const answer = text === '' ? {} : (JSON.parse(text) as { actor?: string; error?: { code: string } })
    return { status: response.status, code: answer.error?.code, actor: answer.actor }
  }
  const expired = await openstack.token('demo')

  const admin = await openstack.token('admin')
  assert.deepEqual(await ask(admin), { status: 200, code: undefined, actor: 'user:admin@Default' })
  assert.equal((await ask(admin, 'PUT', '/v1/limits', { seedUpBytesPerSecond: 100_000_000 })).status, 200)
  const operator = await openstack.token('demo')
  assert.equal((await ask(operator, 'POST', `/v1/images/${ID}/import`)).code, 'SHOAL_IMAGE_UNKNOWN')
  assert.equal((await ask(operator, 'PUT', '/v1/limits', {})).code, 'SHOAL_HTTP_FORBIDDEN')
  const reader = await openstack.token('nova')
  assert.equal((await ask(reader, 'GET', '/v1/images')).status, 200)
  assert.equal((await ask(reader, 'POST', `/v1/images/${ID}/import`)).code, 'SHOAL_HTTP_FORBIDDEN')
  const stranger = await tokenOfAnotherProject(openstack)
  assert.deepEqual(await ask(stranger), { status: 403, code: 'SHOAL_HTTP_FORBIDDEN', actor: undefined })
  assert.equal((await ask(`${admin}x`)).code, 'SHOAL_HTTP_UNAUTHORIZED')
  assert.equal((await fetch(`${cluster.seed.url}/v1/session`)).status, 401)

  // A browser with name and password, for the same person; its session ends with the token.
  const signIn = async (password: string) => {
    const cloud = { user: 'demo', userDomain: 'Default', project: 'demo', projectDomain: 'Default', password }
    const headers = { 'content-type': 'application/json' }
    const body = JSON.stringify({ cloud })
    const response = await fetch(`${cluster.seed.url}/v1/session`, { method: 'POST', headers, body })
    const answer = (await response.json()) as { actor?: string; expiresAt?: string; error?: { code: string } }
    return { ...answer, cookie: (response.headers.get('set-cookie') ?? '').split(';')[0] ?? '' }
  }
  assert.equal((await signIn('wrong')).error?.code, 'SHOAL_SESSION_CREDENTIALS')
  const session = await signIn('demopw')
  assert.equal(session.actor, 'user:demo@Default')
  assert.ok(Date.parse(session.expiresAt ?? '') <= Date.now() + (TOKEN_SECONDS + 1) * 1000)
  const bySession = async () =>
    (await fetch(`${cluster.seed.url}/v1/session`, { headers: { cookie: session.cookie } })).status
  assert.equal(await bySession(), 200)

  // An image of demo's alone: for the other project, of the same role here, it does not exist.
  const file = join(directory, 'private.raw')
  await writeFile(file, Buffer.concat([Buffer.alloc(4096), randomBytes(1024 * 1024)]))
  const image = await openstack.uploadImageFast(
    { name: 'private', file, diskFormat: 'raw', visibility: 'private' },
    'demo',
  )
  assert.equal((await ask(await openstack.token('demo'), 'POST', `/v1/images/${image}/import`)).status, 202)
  const { layer } = await cluster.imported(image)
  const dryRun = { dryRun: true, images: [{ image, all: true }] }
  assert.equal((await ask(await openstack.token('demo'), 'POST', '/v1/prefetch', dryRun)).status, 200)
  const other = await openstack.token('other')
  const refusals: [string, string, object | undefined, string][] = [
    ['POST', `/v1/images/${image}/import`, undefined, 'SHOAL_IMAGE_UNKNOWN'],
    ['POST', '/v1/prefetch', dryRun, 'SHOAL_IMAGE_UNKNOWN'],
    ['PUT', '/v1/assignments', { layer, all: true }, 'SHOAL_LAYER_UNKNOWN'],
    ['POST', '/v1/placement', { images: [{ image, vms: 1 }] }, 'SHOAL_IMAGE_UNKNOWN'],
    ['PUT', `/v1/nodes/n1/boots/${image}`, undefined, 'SHOAL_IMAGE_UNKNOWN'],
    ['GET', `/v1/layers/${layer}/manifest`, undefined, 'SHOAL_LAYER_UNKNOWN'],
    ['GET', `/v1/layers/${layer}/torrent`, undefined, 'SHOAL_LAYER_UNKNOWN'],
    ['PUT', '/v1/prefetch-rules/mine', rule(image), 'SHOAL_ACCESS_RULE'],
  ]
  for (const [method, path, body, code] of refusals) {
    assert.equal((await ask(other, method, path, body)).code, code, `${method} ${path}`)
  }

  await cluster.startPeers()
  await bootsPrivately(cluster, openstack, image)
  await leavesEveryNode(cluster, openstack, { image, layer: String(layer) })

  const revoked = await openstack.token('demo')
  assert.equal((await ask(revoked)).status, 200)
  await fetch(`${openstack.keystoneUrl}/auth/tokens`, {
    method: 'DELETE',
    headers: { 'x-auth-token': revoked, 'x-subject-token': revoked },
  })
  const refused = async (token: string) => (await ask(token)).code === 'SHOAL_HTTP_UNAUTHORIZED'
  await until('the revoked token is refused', () => refused(revoked), { timeoutMs: 10_000 })
  await until('the expired token is refused', () => refused(expired), { timeoutMs: (TOKEN_SECONDS + 10) * 1000 })
  await until('the session is over', async () => (await bySession()) === 401, { timeoutMs: (TOKEN_SECONDS + 5) * 1000 })

  const { entries } = await cluster.client.listAudit({ query: { limit: 500 } })
  const told = (actor: string) =>
    entries.filter((entry) => entry.actor === actor).map(({ action, outcome }) => `${action} ${outcome}`)
  assert.deepEqual(told('user:admin@Default'), ['setLimits done'])
  assert.deepEqual(told('user:demo@Default'), [
    'importImage failed',
    'setLimits refused',
    'showSession refused',
    'signIn done',
    'importImage done',
    'createPrefetch done',
  ])
  assert.deepEqual(told('user:other@Default'), [
    'importImage failed',
    'createPrefetch failed',
    'assign failed',
    'placeVms failed',
    'wantBoot failed',
    'putPrefetchRule refused',
  ])
  const changed = (await cluster.events('limits.changed')).map(({ actor }) => actor)
  assert.deepEqual(changed, ['user:admin@Default'])
})

function rule(image: string): object {
  const when = { enabled: true, on: 'schedule', cron: '0 2 * * *', timeZone: 'UTC' }
  return { ...when, images: { id: image }, target: { all: true } }
}

/** Demo's image boots on nodes where nobody planned it, with a token of who may have it, and then only; the tokens stay nowhere. */
async function bootsPrivately(cluster: Cluster, openstack: OpenStack, image: string): Promise<void> {
  let count = 0
  const boot = async (node: string, user?: string): Promise<string> => {
    const peer = await cluster.peerClient(node)
    const params = { boot: `vm${count++}` }
    const headers = user === undefined ? {} : { 'x-shoal-tenant-token': await openstack.token(user) }
    await peer.prepareBoot({ params, headers, body: { image, overlay: null } })
    const outcome = await until(`${params.boot} is decided`, async () => {
      const { state, error } = await peer.showBoot({ params })
      return state === 'preparing' ? undefined : (error?.code ?? state)
    })
    await peer.releaseBoot({ params })
    if (user !== undefined) assert.deepEqual(await filesWith(cluster.directory, headers['x-shoal-tenant-token']), [])
    return outcome
  }
  assert.equal(await boot('node1'), 'SHOAL_IMAGE_NO_PURPOSE')
  assert.equal(await boot('node1', 'other'), 'SHOAL_IMAGE_NO_PURPOSE')
  assert.equal(await boot('node1', 'demo'), 'ready')

  const patch = [{ op: 'replace', path: '/visibility', value: 'shared' }]
  await openstack.glance('PATCH', `/v2/images/${image}`, { user: 'demo', patch })
  const member = await projectOf(openstack, 'other')
  await openstack.glance('POST', `/v2/images/${image}/members`, { user: 'demo', json: { member } })
  assert.equal(await boot('node2', 'other'), 'ready')
  // From now on that project is given it by no node, also not by those that have it.
  await openstack.glance('DELETE', `/v2/images/${image}/members/${member}`, { user: 'demo' })
  for (const node of ['node1', 'node2']) {
    await until(
      `${node} gives it to other no more`,
      async () => (await boot(node, 'other')) === 'SHOAL_IMAGE_NO_PURPOSE',
    )
  }
}

/** Once nobody may have an image no node has it any more. */
async function leavesEveryNode(
  cluster: Cluster,
  openstack: OpenStack,
  { image, layer }: { image: string; layer: string },
): Promise<void> {
  await cluster.assign(layer)
  await cluster.complete(layer)
  await openstack.deactivate(image)
  for (const node of ['node1', 'node2']) {
    await until(`it is gone from ${node}`, async () => !existsSync(cluster.layerFile(node, layer)))
  }
}

/** Files below a directory in which a text is. */
async function filesWith(directory: string, text = ''): Promise<string[]> {
  const files = await readdir(directory, { recursive: true, withFileTypes: true })
  const found: string[] = []
  for (const file of files) {
    if (!file.isFile()) continue
    const path = join(file.parentPath, file.name)
    const content = await readFile(path).catch(() => Buffer.alloc(0))
    if (content.includes(text)) found.push(path)
  }
  return found
}

async function projectOf({ keystoneUrl, token }: OpenStack, name: string): Promise<string> {
  const headers = { 'x-auth-token': await token('admin') }
  const response = await fetch(`${keystoneUrl}/projects?name=${name}`, { headers })
  const { projects } = (await response.json()) as { projects: { id: string }[] }
  return projects[0]?.id ?? ''
}

/** A token of demo, who is a member of demo's project and of another one, for that other one. */
async function tokenOfAnotherProject({ keystoneUrl, token }: OpenStack): Promise<string> {
  const admin = await token('admin')
  const call = async (method: string, path: string, body?: object) => {
    const headers = { 'x-auth-token': admin, 'content-type': 'application/json' }
    const init = body === undefined ? {} : { body: JSON.stringify(body) }
    const response = await fetch(`${keystoneUrl}${path}`, { method, headers, ...init })
    const text = await response.text()
    return text === '' ? {} : JSON.parse(text)
  }
  const { project } = await call('POST', '/projects', { project: { name: 'foreign', domain_id: 'default' } })
  const [user] = (await call('GET', '/users?name=demo')).users
  const [role] = (await call('GET', '/roles?name=member')).roles
  await call('PUT', `/projects/${project.id}/users/${user.id}/roles/${role.id}`)
  const identity = { methods: ['password'], password: { user: { id: user.id, password: 'demopw' } } }
  const response = await fetch(`${keystoneUrl}/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ auth: { identity, scope: { project: { id: project.id } } } }),
  })
  return response.headers.get('x-subject-token') ?? ''
}
