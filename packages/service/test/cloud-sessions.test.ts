import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Caller, CloudSessions, registerOperation, SESSION_HEADER, sessionCookie } from '@shoal/service'
import { buildService } from './start-service.ts'

const HOUR_MS = 3_600_000
const cookieOf = (value: string) => sessionCookie(value, { isSecure: false }).split(';')[0] ?? ''

test('a session of a user of the cloud ends with the token, after twelve hours, or when it is ended', () => {
  let now = 1_700_000_000_000
  const sessions = new CloudSessions(() => now)
  const open = (lifetimeMs: number) => {
    const { value, expiresAt } = sessions.open({ token: 't', actor: 'user:a', expiresAt: now + lifetimeMs })
    return { cookie: cookieOf(value), leftMs: expiresAt - now }
  }
  const [short, long, ended] = [open(HOUR_MS), open(48 * HOUR_MS), open(HOUR_MS)]
  assert.deepEqual([short.leftMs, long.leftMs], [HOUR_MS, 12 * HOUR_MS])
  assert.equal(sessions.find(`x=1; ${short.cookie}`)?.token, 't')
  sessions.end(ended.cookie)
  assert.equal(sessions.find(ended.cookie), undefined)
  now += HOUR_MS
  assert.equal(sessions.find(short.cookie), undefined)
  assert.ok(sessions.find(long.cookie))
  for (const wrong of [`${long.cookie}x`, long.cookie.slice(0, -1), 'shoal-session=cloud.', undefined]) {
    assert.equal(sessions.find(wrong), undefined)
  }
})

test('who signs in again and again ends sessions of his own', () => {
  const sessions = new CloudSessions()
  const open = (actor: string) => cookieOf(sessions.open({ token: 't', actor, expiresAt: Date.now() + HOUR_MS }).value)
  const other = open('user:other')
  const own = Array.from({ length: 30 }, () => open('user:a'))
  assert.ok(sessions.find(other))
  assert.equal(own.filter((cookie) => sessions.find(cookie) !== undefined).length, 20)
  const many = Array.from({ length: 1100 }, (_, at) => open(`user:${at}`))
  assert.equal(many.filter((cookie) => sessions.find(cookie) !== undefined).length, 1000)
})

test('a request by the cookie acts by the token, as long as Keystone vouches for it, and changes things from our pages alone', async () => {
  const cloudSessions = new CloudSessions()
  let caller: Caller | undefined = { role: 'operator', actor: 'user:a@Default' }
  const asked: string[] = []
  const find = async (token: string) => {
    asked.push(token)
    return caller
  }
  const { service } = await buildService({ cloud: { find }, cloudSessions })
  await using _stopped = { [Symbol.asyncDispose]: service.stop }
  const seen: unknown[] = []
  for (const method of ['GET', 'POST'] as const) {
    const operation = { id: method, method, path: '/v1/thing', role: 'reader', summary: 'A thing.' } as const
    registerOperation(service.app, operation, ({ actor, request }) => {
      seen.push([actor, request.cloudToken])
      return undefined
    })
  }
  const { value } = cloudSessions.open({ token: 'secret', actor: 'user:a@Default', expiresAt: Date.now() + HOUR_MS })
  const url = await service.start()
  const ask = async (method: 'GET' | 'POST', headers: Record<string, string> = {}) =>
    (await fetch(`${url}/v1/thing`, { method, headers: { cookie: cookieOf(value), ...headers } })).status
  assert.equal(await ask('GET'), 200)
  assert.equal(await ask('POST'), 401)
  assert.equal(await ask('POST', { [SESSION_HEADER]: 'dashboard' }), 200)
  assert.deepEqual(seen, Array(2).fill(['user:a@Default', 'secret']))
  assert.equal(await ask('GET', { authorization: 'Bearer wrong' }), 401)
  assert.deepEqual(asked, ['secret', 'secret'])
  caller = { role: 'public', actor: 'user:a@Default' }
  assert.equal(await ask('GET'), 403)
  caller = undefined
  assert.equal(await ask('GET'), 401)
})
