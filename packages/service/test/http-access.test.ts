import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AuditFact, type Caller, type Role, registerOperation } from '@shoal/service'
import { asOperator, bearer, buildService } from './start-service.ts'

const codeOf = async (response: Response) => ((await response.json()) as { error: { code: string } }).error.code
const ROLES = ['node', 'reader', 'operator', 'admin'] as const

async function startRoles(options: Parameters<typeof buildService>[0] = {}) {
  const { service } = await buildService(options)
  for (const role of ['public', ...ROLES] as const) {
    const operation = { id: `as-${role}`, path: `/v1/${role}/{name}`, role, summary: 'Does.' } as const
    registerOperation(service.app, { ...operation, method: 'GET' } as const, () => undefined)
    registerOperation(service.app, { ...operation, id: `put-${role}`, method: 'PUT' } as const, () => undefined)
  }
  const url = await service.start()
  const ask = (role: Role, headers: Record<string, string>, method = 'GET') =>
    fetch(`${url}/v1/${role}/x`, { method, headers })
  return { ask, [Symbol.asyncDispose]: service.stop }
}

const MAY: Record<(typeof ROLES)[number], readonly Role[]> = {
  node: ['node'],
  reader: ['reader'],
  operator: ['node', 'reader', 'operator'],
  admin: ['node', 'reader', 'operator', 'admin'],
}

test('each role may do its own and what lower ones may, and nothing else', async () => {
  const cloud = {
    find: async (token: string): Promise<Caller | undefined> => {
      const role = ROLES.find((known) => known === token)
      return role === undefined ? undefined : { role, actor: `user:${role}` }
    },
  }
  await using service = await startRoles({ cloud })
  for (const role of ROLES) {
    for (const needed of ROLES) {
      const { status } = await service.ask(needed, { 'x-auth-token': role })
      assert.equal(status, MAY[role].includes(needed) ? 200 : 403, `${role} asks what needs ${needed}`)
    }
  }
  assert.equal((await service.ask('reader', { 'x-auth-token': 'nobody' })).status, 401)
  assert.equal((await service.ask('reader', { 'x-auth-token': 'admin', ...bearer('wrong') })).status, 401)
  assert.equal((await service.ask('public', {})).status, 200)
})

test('without an identity service its tokens open nothing', async () => {
  await using service = await startRoles()
  assert.equal((await service.ask('reader', { 'x-auth-token': 'x' })).status, 401)
})

test('an address without valid tokens is told to wait; valid ones go on being taken from there', async () => {
  let asked = 0
  const find = async () => {
    asked += 1
    return undefined
  }
  await using service = await startRoles({ cloud: { find } })
  for (let failure = 0; failure < 20; failure += 1) await service.ask('reader', { 'x-auth-token': 'guess' })
  assert.equal(asked, 20)
  const refused = await service.ask('reader', { 'x-auth-token': 'guess' })
  assert.deepEqual([refused.status, await codeOf(refused)], [429, 'SHOAL_HTTP_FAILURES'])
  assert.match(refused.headers.get('retry-after') ?? '', /^\d+$/)
  assert.equal(asked, 20, 'the identity service is not asked for it')
  assert.equal((await service.ask('reader', bearer('guess'))).status, 429)
  assert.equal((await service.ask('reader', asOperator)).status, 200)
})

test('a client that asks too often gets 429 with Retry-After; another does not', async () => {
  await using service = await startRoles({ requestsPerSecond: 1 })
  const statuses: number[] = []
  for (let request = 0; request < 4; request += 1) statuses.push((await service.ask('reader', asOperator)).status)
  assert.deepEqual(statuses.slice(0, 2), [200, 200])
  assert.equal(statuses.includes(429), true)
  const refused = await service.ask('reader', asOperator)
  if (refused.status === 429) {
    assert.equal(refused.headers.get('retry-after'), '1')
    assert.equal(await codeOf(refused), 'SHOAL_HTTP_RATE')
  }
  assert.equal((await service.ask('public', {})).status, 200)
})

test('changes and refusals are told to the audit log, reads and reports of nodes are not', async () => {
  const facts: AuditFact[] = []
  await using service = await startRoles({ audit: (fact) => facts.push(fact) })
  await service.ask('reader', asOperator)
  await service.ask('node', bearer('node-token'), 'PUT')
  await service.ask('node', asOperator, 'PUT')
  await service.ask('operator', asOperator, 'PUT')
  await service.ask('admin', bearer('node-token'), 'PUT')
  await service.ask('reader', bearer('wrong'))
  const told = facts.map(({ actor, action, subject, outcome, code }) => [actor, action, subject, outcome, code])
  assert.deepEqual(told, [
    ['token:operator', 'put-node', 'name=x', 'done', null],
    ['token:operator', 'put-operator', 'name=x', 'done', null],
    ['token:node', 'put-admin', 'name=x', 'refused', 'SHOAL_HTTP_FORBIDDEN'],
    ['anonymous', 'as-reader', 'name=x', 'refused', 'SHOAL_HTTP_UNAUTHORIZED'],
  ])
})

test('a service without authentication listens on the loopback alone', async () => {
  for (const host of ['0.0.0.0', '::', '198.51.100.7']) {
    const { service } = await buildService({ tokens: false, host })
    await assert.rejects(service.start(), { code: 'SHOAL_HTTP_OPEN' }, host)
    await service.stop()
  }
})

test('no other site is answered: no CORS header, no preflight, and a cookie alone changes nothing', async () => {
  const { service } = await buildService()
  await using _stopped = { [Symbol.asyncDispose]: service.stop }
  registerOperation(
    service.app,
    { id: 'read', method: 'GET', path: '/v1/things', role: 'reader', summary: 'Reads.' } as const,
    () => undefined,
  )
  const url = await service.start()
  const origin = { origin: 'https://evil.example' }
  const read = await fetch(`${url}/v1/things`, { headers: { ...origin, ...asOperator } })
  assert.equal(read.headers.get('access-control-allow-origin'), null)
  const preflight = await fetch(`${url}/v1/things`, {
    method: 'OPTIONS',
    headers: { ...origin, 'access-control-request-method': 'PUT', 'access-control-request-headers': 'x-shoal-session' },
  })
  assert.equal(preflight.status, 404)
  assert.deepEqual(
    [...preflight.headers.keys()].filter((name) => name.startsWith('access-control')),
    [],
  )
})
