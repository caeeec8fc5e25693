import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createClient } from '@shoal/api'
import { call, joinAs } from '../../../../test/harness/node-caller.ts'
import { createFixture } from '../seed-fixture.ts'

const registration = {
  ...{ swarmAddress: '127.0.0.1:9', swarmPeerId: '61'.repeat(20), zone: 'z1', rack: 'r1' },
  ...{ dhtAddress: null, apiUrl: null, capacityBytes: 1, version: '1' },
}

it('the other nodes are told of a revocation at once, with another key of the DHT', async (t) => {
  const fixture = await createFixture(t, { 'tls.enabled': 'true' })
  const { nodesUrl } = await fixture.start()
  for (const [index, node] of ['n1', 'n2'].entries()) {
    const { token } = await fixture.client.createJoinToken({ body: { node } })
    const { credential } = await joinAs(nodesUrl, { node, token })
    const body = { ...registration, swarmPeerId: String(index).repeat(40) }
    const { status } = await call(nodesUrl, { method: 'PUT', path: `/v1/nodes/${node}`, credential, body })
    assert.equal(status, 200)
  }
  const params = { node: 'n2' }
  const before = await fixture.client.desiredState({ params })
  assert.equal(before.trust?.dhtKeys?.length, 1)
  const signal = AbortSignal.timeout(10_000)
  let revokedAt = 0
  for await (const { data } of fixture.client.watchDesired({ params, signal })) {
    if (revokedAt === 0) {
      revokedAt = performance.now()
      await fixture.client.revokeNode({ params: { node: 'n1' } })
    } else if (data.revision > before.revision) break
  }
  const after = await fixture.client.desiredState({ params })
  assert.equal(after.trust?.revocations, (before.trust?.revocations ?? 0) + 1)
  assert.deepEqual([after.trust?.dhtKeys?.length, after.trust?.dhtKeys?.[1]], [2, before.trust?.dhtKeys?.[0]])
})

it('an open stream ends within seconds of its token, and a session with the token it was opened with', async (t) => {
  const fixture = await createFixture(t)
  const seed = await fixture.start()
  const { token } = await fixture.client.createToken({ body: { name: 'ann', role: 'reader' } })
  const signIn = await fetch(`${seed.url}/v1/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-shoal-session': '1' },
    body: JSON.stringify({ token }),
  })
  const cookie = signIn.headers.get('set-cookie')?.split(';')[0] ?? ''
  const open = async (path: string, headers: Record<string, string>) => {
    const response = await fetch(`${seed.url}${path}`, { headers, signal: AbortSignal.timeout(10_000) })
    assert.equal(response.status, 200, path)
    return response
  }
  const events = await open('/v1/events/stream', { authorization: `Bearer ${token}` })
  const page = await open('/v1/dashboard/stream', { cookie })
  const other = createClient({ baseUrl: seed.url, token: seed.operatorToken })
  await fixture.client.revokeToken({ params: { token: 'ann' } })
  // They end, and are not cut: what was sent has arrived.
  await Promise.all([events.text(), page.text()])
  assert.equal((await fetch(`${seed.url}/v1/events/stream`, { headers: { cookie } })).status, 401)
  assert.ok((await other.listEvents()).events.length > 0)
})
