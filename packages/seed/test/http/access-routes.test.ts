import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { it } from 'node:test'
import { createClient, type Operation, operations, PERSON_ROLES, type PersonRole } from '@shoal/api'
import { createFixture } from '../seed-fixture.ts'

const ID = '00000000-0000-4000-8000-000000000000'
const EXAMPLES: Readonly<Record<string, string>> = {
  image: ID,
  layer: `sha256:${'a'.repeat(64)}`,
  plan: 'plan-0000000000',
}
const pathOf = ({ path }: Operation) => path.replaceAll(/\{(\w+)\}/g, (_, name: string) => EXAMPLES[name] ?? 'none')
const MAY: Readonly<Record<PersonRole | 'node', readonly string[]>> = {
  admin: ['public', 'service', 'node', 'reader', 'operator', 'admin'],
  operator: ['public', 'service', 'node', 'reader', 'operator'],
  reader: ['public', 'service', 'reader'],
  node: ['public', 'service', 'node'],
}
/** What only an admin may do. */
const ADMIN = [
  ...['removeNode', 'setLimits', 'setLimitsSchedule', 'listTokens', 'createToken', 'revokeToken', 'listAudit'],
  ...['revokeNode', 'createJoinToken', 'listJoinTokens', 'revokeJoinToken', 'rotateKey', 'retireKey'],
]

it('every operation is open to those whose role may do it, and to nobody else', async (t) => {
  const fixture = await createFixture(t, { 'listen.requestsPerSecond': '100000' })
  const seed = await fixture.start()
  const tokens: [PersonRole | 'node', string][] = [['node', seed.nodeToken]]
  for (const role of PERSON_ROLES) {
    tokens.push([role, (await fixture.client.createToken({ body: { name: `a-${role}`, role } })).token])
  }
  const ask = async ({ method, path }: { method: string; path: string }, headers: Record<string, string>) => {
    const gone = new AbortController()
    // A body that nothing takes: who may ask gets an error of the request, and nothing is changed.
    const body = method === 'GET' || method === 'DELETE' ? {} : { body: '[0]' }
    const type: Record<string, string> = 'body' in body ? { 'content-type': 'application/json' } : {}
    const response = await fetch(seed.url + path, {
      method,
      ...body,
      headers: { ...headers, ...type },
      signal: gone.signal,
    })
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true
    const text = isStream || response.ok ? '' : await response.text()
    gone.abort()
    const code = text === '' ? '' : (JSON.parse(text) as { error: { code: string } }).error.code
    return { status: response.status, code }
  }
  let asked = 0
  const admins: string[] = []
  for (const operation of Object.values<Operation>(operations)) {
    const { method, role: needed, id } = operation
    const request = { method, path: pathOf(operation) }
    if ((await ask(request, { authorization: `Bearer ${seed.operatorToken}` })).code === 'SHOAL_HTTP_NOT_FOUND')
      continue
    if (needed === 'admin') admins.push(id)
    if (method !== 'GET') assert.notEqual(needed, 'reader', `${id} changes something`)
    for (const [role, token] of tokens) {
      const { status, code } = await ask(request, { authorization: `Bearer ${token}` })
      const isMeant = MAY[role].includes(needed)
      assert.equal(code === 'SHOAL_HTTP_FORBIDDEN', !isMeant, `${role} asks for ${id}: ${status} ${code}`)
      assert.equal(isMeant || status === 403, true, `${role} asks for ${id}: ${status}`)
      asked += 1
    }
  }
  assert.deepEqual(admins.sort(), [...ADMIN].sort())
  assert.ok(asked > 200, `${asked} requests`)
})

it('a token is shown once, kept as a hash, holds over a restart, and ends when it is revoked or expires', async (t) => {
  const fixture = await createFixture(t)
  await fixture.start()
  const { token, details } = await fixture.client.createToken({
    body: { name: 'ci', role: 'operator', lifetimeSeconds: 3600 },
  })
  assert.deepEqual([details.role, details.createdBy, details.isExpired], ['operator', 'token:operator', false])
  await fixture.stop()
  const secret = token.slice(-43)
  for (const name of await readdir(join(fixture.stateDirectory, 'state'))) {
    const content = await readFile(join(fixture.stateDirectory, 'state', name), 'latin1')
    assert.equal(content.includes(secret), false, `${name} holds the token`)
  }
  const { url } = await fixture.start()
  const ci = createClient({ baseUrl: url, token })
  assert.equal((await ci.showSession()).actor, 'token:ci')
  await assert.rejects(ci.createToken({ body: { name: 'mine', role: 'admin' } }), { code: 'SHOAL_HTTP_FORBIDDEN' })
  const twice = fixture.client.createToken({ body: { name: 'ci', role: 'reader' } })
  await assert.rejects(twice, { code: 'SHOAL_TOKEN_EXISTS' })
  const likeAFile = fixture.client.createToken({ body: { name: 'operator', role: 'reader' } })
  await assert.rejects(likeAFile, { code: 'SHOAL_TOKEN_EXISTS' })
  const changed = token.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))
  await assert.rejects(createClient({ baseUrl: url, token: changed }).showSession(), {
    code: 'SHOAL_HTTP_UNAUTHORIZED',
  })

  const response = await fetch(`${url}/v1/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token }),
  })
  const cookie = response.headers.get('set-cookie')?.split(';')[0] ?? ''
  const bySession = async () => (await fetch(`${url}/v1/session`, { headers: { cookie } })).status
  assert.equal(await bySession(), 200)
  await fixture.client.revokeToken({ params: { token: 'ci' } })
  assert.equal(await bySession(), 401, 'the session ends with the token')
  await assert.rejects(ci.showSession(), { code: 'SHOAL_HTTP_UNAUTHORIZED' })
  await assert.rejects(fixture.client.revokeToken({ params: { token: 'ci' } }), { code: 'SHOAL_TOKEN_UNKNOWN' })
  await assert.rejects(fixture.client.revokeToken({ params: { token: 'node' } }), { code: 'SHOAL_TOKEN_FILE' })
  const { tokens } = await fixture.client.listTokens()
  assert.deepEqual(
    tokens.map(({ name, role, source }) => [name, role, source]),
    [
      ['node', 'node', 'file'],
      ['operator', 'admin', 'file'],
      ['viewer', 'reader', 'file'],
    ],
  )
  const { events } = await fixture.client.listEvents({ query: { actor: 'token' } })
  assert.deepEqual(
    events.map(({ type, actor }) => [type, actor]),
    [
      ['token.created', 'token:operator'],
      ['session.opened', 'token:ci'],
      ['token.revoked', 'token:operator'],
    ],
  )
})

it('the audit log tells who did what and who was refused, over a restart', async (t) => {
  const fixture = await createFixture(t)
  const { nodeToken, url } = await fixture.start()
  await fixture.client.setLimits({ body: { seedUpBytesPerSecond: 1_000_000 } })
  const node = createClient({ baseUrl: url, token: nodeToken })
  await assert.rejects(node.setLimits({ body: {} }), { code: 'SHOAL_HTTP_FORBIDDEN' })
  await assert.rejects(fixture.client.importImage({ params: { image: ID } }), { code: 'SHOAL_IMAGE_UNKNOWN' })
  await fixture.client.status()
  await fixture.stop()
  await fixture.start()
  const { entries } = await fixture.client.listAudit({ query: {} })
  const told = entries.map(({ id, actor, action, subject, outcome, code }) => [
    id,
    actor,
    action,
    subject,
    outcome,
    code,
  ])
  assert.deepEqual(told, [
    [1, 'token:operator', 'setLimits', '', 'done', null],
    [2, 'token:node', 'setLimits', '', 'refused', 'SHOAL_HTTP_FORBIDDEN'],
    [3, 'token:operator', 'importImage', `image=${ID}`, 'failed', 'SHOAL_IMAGE_UNKNOWN'],
  ])
  const refused = await fixture.client.listAudit({ query: { outcome: 'refused', actor: 'token:node' } })
  assert.deepEqual(
    refused.entries.map(({ id }) => id),
    [2],
  )
})
