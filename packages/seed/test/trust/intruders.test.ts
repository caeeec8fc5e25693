import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { request } from 'node:https'
import { describe, it, type TestContext } from 'node:test'
import { type Clock, systemClock } from '@shoal/core'
import {
  CertificateAuthority,
  type Credential,
  createCredential,
  credentialToPem,
  newCredentialRequest,
  parsePem,
  readCertificateRequest,
} from '@shoal/trust'
import { call, joinAs, stolenAuthority } from '../../../../test/harness/node-caller.ts'
import { createFixture, MIB, rawImage, type SeedFixture } from '../seed-fixture.ts'

const HOUR_MS = 3_600_000
const registration = {
  ...{ swarmAddress: '127.0.0.1:9', swarmPeerId: '61'.repeat(20), zone: 'z1', rack: 'r1' },
  ...{ dhtAddress: null, apiUrl: null, capacityBytes: 1, version: '1' },
}

interface Cluster {
  readonly fixture: SeedFixture
  readonly nodesUrl: string | undefined
  /** Joined as n1. */
  readonly n1: Credential
}

async function start(t: TestContext, clock: Clock = systemClock): Promise<Cluster> {
  const fixture = await createFixture(t, { 'tls.enabled': 'true' })
  const { nodesUrl } = await fixture.start({ clock })
  return { fixture, nodesUrl, n1: await joined(fixture, 'n1') }
}

async function joined(fixture: SeedFixture, node: string): Promise<Credential> {
  const { token } = await fixture.client.createJoinToken({ body: { node } })
  const { credential } = await joinAs(fixture.seed?.nodesUrl, { node, token })
  assert.ok(credential !== undefined)
  return credential
}

function register(url: string | undefined, node: string, credential?: Credential, token?: string) {
  return call(url, { method: 'PUT', path: `/v1/nodes/${node}`, credential, token, body: registration })
}

/** It was turned away with this code, and that was journalled and counted. */
async function refused(fixture: SeedFixture, answer: { status: number; code: string | undefined }, code: string) {
  assert.equal(answer.code, code)
  assert.ok(answer.status === 401 || answer.status === 403, String(answer.status))
  const event = await fixture.event('node.refused', ({ details }) => details.code === code)
  assert.match(String(event.details.address), /127\.0\.0\.1/)
  const url = `${fixture.seed?.url}/metrics`
  const headers = { authorization: `Bearer ${fixture.seed?.operatorToken}` }
  const text = await (await fetch(url, { headers })).text()
  assert.match(text, new RegExp(`shoal_seed_refused_callers_total\\{reason="${code}"\\} [1-9]`))
}

describe('a seed lets in', () => {
  it('who joined, as who it is', async (t) => {
    const { fixture, nodesUrl, n1 } = await start(t)
    assert.equal((await register(nodesUrl, 'n1', n1)).status, 200)
    const event = await fixture.event('node.joined')
    assert.equal(event.node, 'n1')
    const heartbeat = await call(nodesUrl, { method: 'GET', path: '/v1/nodes/n1/desired-state', credential: n1 })
    assert.equal(heartbeat.status, 200)
  })

  it('operators and services by their tokens, over TLS too', async (t) => {
    const { fixture, nodesUrl } = await start(t)
    const asOperator = { method: 'GET', path: '/v1/nodes', token: fixture.seed?.operatorToken }
    assert.equal((await call(nodesUrl, asOperator)).status, 200)
    const asService = { method: 'GET', path: '/metrics', token: fixture.seed?.nodeToken }
    assert.equal((await call(nodesUrl, asService)).status, 200)
    assert.equal((await call(nodesUrl, { method: 'GET', path: '/healthz' })).status, 200)
  })

  it('the successor of a certificate, which the node asks for itself', async (t) => {
    const { nodesUrl, n1 } = await start(t)
    const { privateKey, request: body } = newCredentialRequest('n1')
    const path = '/v1/nodes/n1/credential'
    const answer = await call(nodesUrl, { method: 'POST', path, credential: n1, body: { request: body } })
    const { chain } = answer.body as { chain: string }
    const next = createCredential(privateKey, parsePem(chain))
    assert.equal((await register(nodesUrl, 'n1', next)).status, 200)
  })

  it('a node again that was revoked and joined anew', async (t) => {
    const { fixture, nodesUrl, n1 } = await start(t)
    await fixture.client.revokeNode({ params: { node: 'n1' } })
    const again = await joined(fixture, 'n1')
    assert.equal((await register(nodesUrl, 'n1', again)).status, 200)
    assert.equal((await register(nodesUrl, 'n1', n1)).code, 'SHOAL_TRUST_REVOKED')
  })
})

describe('a seed refuses', () => {
  it('who shows no certificate', async (t) => {
    const { fixture, nodesUrl } = await start(t)
    await refused(fixture, await register(nodesUrl, 'n1'), 'SHOAL_HTTP_UNAUTHORIZED')
  })

  it('a certificate of another authority', async (t) => {
    const { fixture, nodesUrl } = await start(t)
    const other = CertificateAuthority.create({ domain: 'shoal', now: Date.now() })
    const { privateKey, request: pem } = newCredentialRequest('n1')
    const options = {
      identity: { role: 'node', name: 'n1' },
      notBefore: Date.now() - HOUR_MS,
      lifetimeMs: 2 * HOUR_MS,
    } as const
    const foreign = createCredential(privateKey, [other.issue({ publicKey: readCertificateRequest(pem), ...options })])
    await refused(fixture, await register(nodesUrl, 'n1', foreign), 'SHOAL_TRUST_UNKNOWN_AUTHORITY')
  })

  it('a certificate that is over', async (t) => {
    const { fixture, nodesUrl } = await start(t)
    const old = { node: 'n1', notBefore: Date.now() - 3 * HOUR_MS, lifetimeMs: HOUR_MS }
    const credential = await stolenAuthority(fixture.stateDirectory, old)
    await refused(fixture, await register(nodesUrl, 'n1', credential), 'SHOAL_TRUST_EXPIRED')
  })

  it('a certificate that was revoked, at once and after a restart', async (t) => {
    const { fixture, nodesUrl, n1 } = await start(t)
    await register(nodesUrl, 'n1', n1)
    await fixture.client.revokeNode({ params: { node: 'n1' } })
    await fixture.event('node.revoked', ({ node }) => node === 'n1')
    await refused(fixture, await register(nodesUrl, 'n1', n1), 'SHOAL_TRUST_REVOKED')
    await fixture.stop()
    const again = await fixture.start()
    assert.equal((await register(again.nodesUrl, 'n1', n1)).code, 'SHOAL_TRUST_REVOKED')
    const { nodes } = await fixture.client.listRevocations()
    assert.deepEqual(
      nodes.map(({ node }) => node),
      ['n1'],
    )
  })

  it('to go on with streams of a node that is revoked', async (t) => {
    const { fixture, nodesUrl, n1 } = await start(t)
    await register(nodesUrl, 'n1', n1)
    const url = `${nodesUrl}/v1/nodes/n1/desired-state/watch`
    const stream = request(url, { agent: false, rejectUnauthorized: false, ...credentialToPem(n1) }).end()
    stream.on('error', () => {})
    const [response] = await once(stream, 'response')
    response.on('error', () => {})
    const ended = Promise.withResolvers<void>()
    response.resume().once('close', () => ended.resolve())
    await fixture.client.revokeNode({ params: { node: 'n1' } })
    await ended.promise
  })

  it('to go on with a stream of a node whose certificate has run out meanwhile', async (t) => {
    const clock = settableClock()
    t.mock.timers.enable({ apis: ['setInterval'] })
    const { fixture, nodesUrl, n1 } = await start(t, clock)
    await register(nodesUrl, 'n1', n1)
    const url = `${nodesUrl}/v1/nodes/n1/desired-state/watch`
    const stream = request(url, { agent: false, rejectUnauthorized: false, ...credentialToPem(n1) }).end()
    stream.on('error', () => {})
    const [response] = await once(stream, 'response')
    response.on('error', () => {})
    const ended = Promise.withResolvers<void>()
    let isOver = false
    response.resume().once('close', () => {
      isOver = true
      ended.resolve()
    })
    t.mock.timers.tick(60_000)
    assert.equal((await register(nodesUrl, 'n1', n1)).status, 200)
    assert.equal(isOver, false)
    clock.setAhead(8 * 24 * HOUR_MS)
    t.mock.timers.tick(60_000)
    await ended.promise
    await refused(fixture, await register(nodesUrl, 'n1', n1), 'SHOAL_TRUST_EXPIRED')
  })

  it('to hear or tell of another node', async (t) => {
    const { fixture, nodesUrl, n1 } = await start(t)
    const n2 = await joined(fixture, 'n2')
    assert.equal((await register(nodesUrl, 'n2', n2)).status, 200)
    const idle = {
      layers: [],
      diskFreeBytes: 1,
      diskUsedBytes: 1,
      downBytesPerSecond: 0,
      upBytesPerSecond: 0,
      load1: 0,
    }
    const other = [
      { method: 'PUT', path: '/v1/nodes/n2', body: registration },
      { method: 'POST', path: '/v1/nodes/n2/heartbeat', body: { inventory: idle, events: [] } },
      { method: 'GET', path: '/v1/nodes/n2/desired-state' },
      { method: 'GET', path: '/v1/nodes/n2/desired-state/watch' },
      { method: 'PUT', path: '/v1/nodes/n2/boots/1' },
      { method: 'DELETE', path: '/v1/nodes/n2/boots/1' },
      { method: 'PUT', path: '/v1/nodes/n2/files/1' },
      { method: 'POST', path: '/v1/nodes/n2/boot-recordings', body: {} },
      { method: 'POST', path: '/v1/nodes/n2/credential', body: { request: 'x' } },
      { method: 'GET', path: '/v1/nodes/%6e2/desired-state' },
    ]
    for (const each of other) {
      await refused(fixture, await call(nodesUrl, { ...each, credential: n1 }), 'SHOAL_HTTP_OTHER_NODE')
    }
    const { nodes } = await fixture.client.listNodes()
    assert.deepEqual(
      nodes.map(({ id, inventory }) => [id, inventory]),
      [['n2', null]],
    )
  })

  it("what is for operators, and a token of services for what is a node's", async (t) => {
    const { fixture, nodesUrl, n1 } = await start(t)
    const list = await call(nodesUrl, { method: 'GET', path: '/v1/nodes', credential: n1 })
    await refused(fixture, list, 'SHOAL_HTTP_FORBIDDEN')
    const token = fixture.seed?.nodeToken
    for (const url of [nodesUrl, fixture.seed?.url]) {
      const tried = url?.startsWith('https') ? await register(url, 'n1', undefined, token) : await plain(url, token)
      assert.equal(tried.code, 'SHOAL_HTTP_FORBIDDEN')
    }
    const byNode = await call(nodesUrl, { method: 'POST', path: '/v1/join-tokens', credential: n1, body: {} })
    assert.equal(byNode.code, 'SHOAL_HTTP_FORBIDDEN')
  })

  it('a layer to a node that is not to have it', async (t) => {
    const { fixture, nodesUrl, n1 } = await start(t)
    await register(nodesUrl, 'n1', n1)
    const { layer, id } = await fixture.import(await fixture.addImage('image', rawImage(MIB)))
    const get = (path: string) => call(nodesUrl, { method: 'GET', path, credential: n1 })
    for (const part of ['manifest', 'torrent', 'grant']) {
      await refused(fixture, await get(`/v1/layers/${layer}/${part}`), 'SHOAL_LAYER_NOT_ASSIGNED')
    }
    assert.equal((await get(`/v1/images/${id}/boot-profile/blocks`)).code, 'SHOAL_LAYER_NOT_ASSIGNED')
    assert.equal((await get(`/v1/layers/sha256:${'0'.repeat(64)}/manifest`)).code, 'SHOAL_LAYER_NOT_ASSIGNED')
    await fixture.client.assign({ body: { layer: layer ?? '', nodes: ['n1'] } })
    for (const part of ['manifest', 'torrent', 'grant']) {
      assert.equal((await get(`/v1/layers/${layer}/${part}`)).status, 200)
    }
    const asOperator = { method: 'GET', path: `/v1/layers/${layer}/grant`, token: fixture.seed?.operatorToken }
    assert.equal((await call(nodesUrl, asOperator)).code, 'SHOAL_LAYER_GRANT_NODE')
    assert.equal((await get(`/v1/images/${id}/boot-profile/blocks`)).code, 'SHOAL_BOOT_PROFILE_UNKNOWN')
  })

  it('a join token that was used, is for another node, is made up, or was taken back', async (t) => {
    const { fixture, nodesUrl } = await start(t)
    const { token } = await fixture.client.createJoinToken({ body: { node: 'n2' } })
    const refuses = async (node: string, given: string) => {
      await refused(fixture, await joinAs(nodesUrl, { node, token: given }), 'SHOAL_JOIN_REFUSED')
    }
    await refuses('n3', token)
    await refuses('n2', token.replace(/\.[\w-]{43}\./, `.${'A'.repeat(43)}.`))
    assert.equal((await joinAs(nodesUrl, { node: 'n2', token })).status, 200)
    await refuses('n2', token)
    assert.equal((await joinAs(nodesUrl, { node: 'n2', token: 'shoal' })).code, 'SHOAL_TRUST_JOIN_TOKEN')
    const back = await fixture.client.createJoinToken({ body: {} })
    assert.deepEqual(
      (await fixture.client.listJoinTokens()).tokens.map(({ id }) => id),
      [back.id],
    )
    await fixture.client.revokeJoinToken({ params: { token: back.id } })
    await refuses('n4', back.token)
    await assert.rejects(fixture.client.revokeJoinToken({ params: { token: back.id } }), {
      code: 'SHOAL_JOIN_TOKEN_UNKNOWN',
    })
    const plainJoin = await fetch(`${fixture.seed?.url}/v1/join`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token, node: 'n2', request: 'x' }),
    })
    assert.equal(((await plainJoin.json()) as { error: { code: string } }).error.code, 'SHOAL_JOIN_TLS')
  })

  it('a join token that is over its age', async (t) => {
    const clock = settableClock()
    const { fixture, nodesUrl } = await start(t, clock)
    const { token } = await fixture.client.createJoinToken({ body: { node: 'n2' } })
    const late = await fixture.client.createJoinToken({ body: { node: 'n3', lifetimeSeconds: 7200 } })
    clock.setAhead(HOUR_MS)
    await refused(fixture, await joinAs(nodesUrl, { node: 'n2', token }), 'SHOAL_JOIN_REFUSED')
    assert.equal((await joinAs(nodesUrl, { node: 'n3', token: late.token })).status, 200)
  })

  it('to keep secrets of join tokens', async (t) => {
    const { fixture } = await start(t)
    const { token } = await fixture.client.createJoinToken({ body: {} })
    const secret = token.split('.')[2] ?? ''
    await fixture.stop()
    for (const file of await readdir(`${fixture.stateDirectory}/state`)) {
      const content = await readFile(`${fixture.stateDirectory}/state/${file}`)
      assert.ok(!content.includes(secret), file)
    }
  })
})

/** Real time, which may be set ahead. */
function settableClock(): Clock & { setAhead(ms: number): void } {
  let ahead = 0
  const setAhead = (ms: number) => {
    ahead = ms
  }
  return { ...systemClock, now: () => systemClock.now() + ahead, setAhead }
}

async function plain(url: string | undefined, token: string | undefined): Promise<{ code: string }> {
  const answer = await fetch(`${url}/v1/nodes/n1`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify(registration),
  })
  return ((await answer.json()) as { error: { code: string } }).error
}
