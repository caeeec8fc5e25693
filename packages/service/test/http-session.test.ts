import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type AccessTokens,
  type Credential,
  fileCredentials,
  HttpSessions,
  type PersonRole,
  registerOperation,
  SESSION_HEADER,
  sessionCookie,
} from '@shoal/service'
import { bearer, buildService, OPERATOR_TOKEN } from './start-service.ts'

const HOUR_MS = 3_600_000

function sessionsOf(known: AccessTokens, clock?: () => number, secret = 'secret') {
  const credentials = fileCredentials(known)
  const sessions = new HttpSessions({ credentials, secret }, clock)
  const open = (name: string) => sessions.open(credentials.byName(name) as Credential & { role: PersonRole })
  return { sessions, open, find: (cookie: string | undefined) => sessions.find(cookie) }
}

const tokens = { operator: OPERATOR_TOKEN, viewer: 'viewer-token', node: 'node-token' }
const cookieOf = (value: string) => sessionCookie(value, { isSecure: false }).split(';')[0] ?? ''

test('a session holds until its time is over, survives a restart, and ends with the token that it came from', () => {
  let now = 1_700_000_000_000
  const clock = () => now
  const { value, expiresAt } = sessionsOf(tokens, clock).open('viewer')
  const after = sessionsOf(tokens, clock)
  assert.deepEqual(after.find(`a=1; ${cookieOf(value)}; b=2`), { role: 'reader', actor: 'token:viewer', expiresAt })
  assert.equal(sessionsOf({ ...tokens, viewer: 'changed' }, clock).find(cookieOf(value)), undefined)
  assert.equal(sessionsOf(tokens, clock, 'other').find(cookieOf(value)), undefined, 'the hash of a token is no key')
  now += 12 * HOUR_MS
  assert.equal(after.find(cookieOf(value)), undefined)
})

test('a cookie that was changed, made up or ended opens nothing', () => {
  const { sessions, open } = sessionsOf(tokens)
  const { value } = open('viewer')
  const forged = [
    value.replace('viewer', 'operator'),
    value.replace(/\.\d+\./, `.${Date.now() + 999 * HOUR_MS}.`),
    `${value.slice(0, -1)}${value.endsWith('A') ? 'B' : 'A'}`,
    `${value}x`,
    '',
    'operator.1.a.b',
  ]
  for (const wrong of forged) assert.equal(sessions.find(cookieOf(wrong)), undefined, wrong)
  assert.equal(sessions.find(undefined), undefined)
  sessions.end(cookieOf(value))
  assert.equal(sessions.find(cookieOf(value)), undefined)
})

test('the cookie is for no script and no other site, and for TLS alone where there is TLS', () => {
  assert.match(
    sessionCookie('x', { isSecure: true }),
    /^shoal-session=x; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict; Secure$/,
  )
  assert.match(sessionCookie('', { isSecure: false }), /Max-Age=0/)
})

test('a session may do what its role may: operators act from their own pages only, viewers read', async () => {
  const { sessions, open } = sessionsOf(tokens)
  const { service } = await buildService({ tokens, sessions })
  const operation = { path: '/v1/things', role: 'operator', summary: 'Does.' } as const
  registerOperation(service.app, { ...operation, id: 'get', method: 'GET', role: 'reader' } as const, () => undefined)
  registerOperation(service.app, { ...operation, id: 'put', method: 'PUT' } as const, () => undefined)
  registerOperation(
    service.app,
    { ...operation, id: 'node', method: 'GET', path: '/v1/node', role: 'node' } as const,
    () => undefined,
  )
  await using _stopped = { [Symbol.asyncDispose]: service.stop }
  const url = await service.start()
  const ask = async (method: string, headers: Record<string, string>, path = '/v1/things') =>
    (await fetch(url + path, { method, headers })).status
  const [operator, viewer] = (['operator', 'viewer'] as const).map((role) => ({
    cookie: cookieOf(open(role).value),
  }))
  const own = { [SESSION_HEADER]: 'dashboard' }
  assert.equal(await ask('GET', { ...operator }), 200)
  assert.equal(await ask('PUT', { ...operator, ...own }), 200)
  assert.equal(await ask('PUT', { ...operator }), 401, 'a form of another site sends the cookie, but not the header')
  assert.equal(await ask('GET', { ...viewer }), 200)
  assert.equal(await ask('PUT', { ...viewer, ...own }), 403)
  assert.equal(await ask('GET', { ...viewer }, '/v1/node'), 403)
  assert.equal(await ask('GET', bearer('viewer-token')), 200)
  assert.equal(await ask('PUT', bearer('viewer-token')), 403)
  assert.equal(await ask('GET', { ...operator, ...bearer('wrong') }), 401, 'a wrong token is not made good by a cookie')
})
