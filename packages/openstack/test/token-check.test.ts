import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TokenCheck } from '@shoal/openstack'
import { startWebServer } from './web-server.ts'

const project = { id: 'p1', name: 'demo', domain: { id: 'default', name: 'Default' } }
const user = { id: 'u1', name: 'alice', domain: { id: 'default', name: 'Default' } }
const token = { expires_at: '2030-01-01T00:00:00.000000Z', user, project, roles: [{ id: 'r', name: 'member' }] }

test('a token vouches for itself; what Keystone does not take is nobody', async () => {
  await using server = await startWebServer(({ headers }, response) => {
    const given = headers['x-subject-token']
    assert.equal(headers['x-auth-token'], given)
    const status = { good: 200, revoked: 404, expired: 401, denied: 403, busy: 503, odd: 200 }[String(given)] ?? 500
    response.writeHead(status).end(given === 'odd' ? '{}' : JSON.stringify({ token }))
  })
  const check = new TokenCheck({ authUrl: server.url })
  try {
    const identity = await check.identify('good')
    assert.deepEqual(identity, {
      user: { id: 'u1', name: 'alice', domain: 'Default' },
      project: { id: 'p1', name: 'demo', domain: 'Default' },
      ...{ isSystem: false, roles: ['member'], expiresAt: Date.parse('2030-01-01') },
    })
    assert.equal(server.requests[0]?.path, '/v3/auth/tokens')
    for (const bad of ['revoked', 'expired', 'denied']) assert.equal(await check.identify(bad), undefined)
    const asked = server.requests.length
    for (const bad of ['', 'a b', 'a\r\nx: y', 'ä', 'x'.repeat(5000)])
      assert.equal(await check.identify(bad), undefined)
    assert.equal(server.requests.length, asked, 'what cannot be a token is not sent')
    await assert.rejects(check.identify('busy'), { code: 'SHOAL_KEYSTONE_UNREACHABLE' })
    await assert.rejects(check.identify('odd'), { code: 'SHOAL_KEYSTONE_PROTOCOL' })
  } finally {
    await check.close()
  }
})
