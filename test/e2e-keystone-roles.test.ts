import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { startOpenStack } from '../infra/openstack/openstack.ts'
import { createCluster } from './harness/cluster.ts'
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
    { keystoneRole: 'service', project: 'service@Default', role: 'reader' },
  ]
  const cluster = await createCluster(undo, {
    ...{ peers: 0, library: {}, seedEnv: openstack.env },
    seedConfig: { access: { keystone: { url: openstack.keystoneUrl, cacheMs: CACHE_MS, roles } } },
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
  const stranger = await openstack.token('other')
  assert.deepEqual(await ask(stranger), { status: 403, code: 'SHOAL_HTTP_FORBIDDEN', actor: undefined })
  assert.equal((await ask(`${admin}x`)).code, 'SHOAL_HTTP_UNAUTHORIZED')
  assert.equal((await fetch(`${cluster.seed.url}/v1/session`)).status, 401)

  const revoked = await openstack.token('demo')
  assert.equal((await ask(revoked)).status, 200)
  await fetch(`${openstack.keystoneUrl}/auth/tokens`, {
    method: 'DELETE',
    headers: { 'x-auth-token': revoked, 'x-subject-token': revoked },
  })
  const refused = async (token: string) => (await ask(token)).code === 'SHOAL_HTTP_UNAUTHORIZED'
  await until('the revoked token is refused', () => refused(revoked), { timeoutMs: 10_000 })
  await until('the expired token is refused', () => refused(expired), { timeoutMs: (TOKEN_SECONDS + 10) * 1000 })

  const { entries } = await cluster.client.listAudit({ query: { limit: 500 } })
  const told = (actor: string) =>
    entries.filter((entry) => entry.actor === actor).map(({ action, outcome }) => `${action} ${outcome}`)
  assert.deepEqual(told('user:admin@Default'), ['setLimits done'])
  assert.deepEqual(told('user:demo@Default'), ['importImage failed', 'setLimits refused'])
  assert.deepEqual(told('user:other@Default'), ['showSession refused'])
  const changed = (await cluster.events('limits.changed')).map(({ actor }) => actor)
  assert.deepEqual(changed, ['user:admin@Default'])
})
