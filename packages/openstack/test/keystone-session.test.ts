import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { silentLogger } from '@shoal/core'
import { createKeystoneSession, type KeystoneSessionOptions, readCloudAuth } from '@shoal/openstack'
import { InstantClock } from './instant-clock.ts'
import { type Handler, sendJson, startWebServer } from './web-server.ts'

const CATALOGUE = [
  {
    type: 'image',
    endpoints: [
      { interface: 'public', region: 'north', region_id: 'north', url: 'http://north.example/' },
      { interface: 'internal', region: 'north', region_id: 'north', url: 'http://north.internal' },
      { interface: 'public', region: 'south', region_id: 'south', url: 'http://south.example' },
    ],
  },
  { type: 'identity', endpoints: [] },
]

/** A log-in as Keystone answers it, with a token that is good for an hour by Keystone's own clock. */
function loginAnswer(issuedAt: number, lifetimeMs = 3_600_000) {
  const token = {
    issued_at: new Date(issuedAt).toISOString(),
    expires_at: new Date(issuedAt + lifetimeMs).toISOString(),
    catalog: CATALOGUE,
  }
  return { token }
}

async function start(handler: Handler, env: NodeJS.ProcessEnv = {}, options: KeystoneSessionOptions = {}) {
  const server = await startWebServer(handler)
  const clock = new InstantClock()
  const auth = readCloudAuth({
    searchPaths: [],
    env: { OS_AUTH_URL: server.url, OS_USERNAME: 'seed', OS_PASSWORD: 'hunter2', OS_PROJECT_NAME: 'images', ...env },
  })
  const session = createKeystoneSession({ clock, logger: silentLogger, random: () => 0 }, auth, options)
  return {
    server,
    clock,
    session,
    async [Symbol.asyncDispose]() {
      await session.close()
      await server[Symbol.asyncDispose]()
    },
  }
}

/** Grants tokens token-1, token-2 and so on. */
function granting(issuedAt: () => number = Date.now, lifetimeMs?: number): Handler {
  let count = 0
  return (_, response) => {
    count += 1
    sendJson(response, 201, loginAnswer(issuedAt(), lifetimeMs), { 'x-subject-token': `token-${count}` })
  }
}

describe('logging in to Keystone', () => {
  test('sends user, password and project as the v3 API wants them', async () => {
    await using keystone = await start(granting())
    assert.equal(await keystone.session.token(), 'token-1')
    const [request] = keystone.server.requests
    assert.equal(request?.path, '/v3/auth/tokens')
    assert.deepEqual(JSON.parse(request?.body ?? ''), {
      auth: {
        identity: {
          methods: ['password'],
          password: { user: { name: 'seed', domain: { id: 'default' }, password: 'hunter2' } },
        },
        scope: { project: { name: 'images', domain: { id: 'default' } } },
      },
    })
  })

  test('sends an application credential without a scope', async () => {
    await using keystone = await start(granting(), {
      OS_AUTH_TYPE: 'v3applicationcredential',
      OS_APPLICATION_CREDENTIAL_ID: 'abc',
      OS_APPLICATION_CREDENTIAL_SECRET: 'shh',
    })
    await keystone.session.token()
    assert.deepEqual(JSON.parse(keystone.server.requests[0]?.body ?? ''), {
      auth: {
        identity: { methods: ['application_credential'], application_credential: { id: 'abc', secret: 'shh' } },
      },
    })
  })

  test('happens once for many callers at once', async () => {
    await using keystone = await start(granting())
    const tokens = await Promise.all(Array.from({ length: 10 }, () => keystone.session.token()))
    assert.deepEqual(new Set(tokens), new Set(['token-1']))
    assert.equal(keystone.server.requests.length, 1)
  })

  test('happens again before the token expires, by its lifetime and not by the clock of Keystone', async () => {
    const dayOff = () => Date.parse('2026-11-19T12:00:00Z')
    await using keystone = await start(granting(dayOff))
    assert.equal(await keystone.session.token(), 'token-1')
    keystone.clock.move(3_530_000)
    assert.equal(await keystone.session.token(), 'token-1')
    keystone.clock.move(20_000)
    assert.equal(await keystone.session.token(), 'token-2')
  })

  test('happens again when the token was refused, but only for the current one', async () => {
    await using keystone = await start(granting())
    assert.equal(await keystone.session.token(), 'token-1')
    keystone.session.invalidate('token-0')
    assert.equal(await keystone.session.token(), 'token-1')
    keystone.session.invalidate('token-1')
    assert.equal(await keystone.session.token(), 'token-2')
  })

  test('is not tried twice with credentials that are refused, and the error does not show them', async () => {
    await using keystone = await start((_, response) => sendJson(response, 401, { error: { message: 'no' } }))
    const error = await keystone.session.token().then(
      () => assert.fail('logged in'),
      (reason) => reason,
    )
    assert.equal(error.code, 'SHOAL_KEYSTONE_CREDENTIALS')
    assert.equal(keystone.server.requests.length, 1)
    assert.doesNotMatch(JSON.stringify([error.message, error.details, error.stack, String(error.cause)]), /hunter2/)
  })

  test('is tried again while Keystone restarts', async () => {
    let attempts = 0
    const grant = granting()
    await using keystone = await start((request, response) => {
      attempts += 1
      return attempts < 3 ? sendJson(response, 503, {}) : grant(request, response)
    })
    assert.equal(await keystone.session.token(), 'token-1')
    assert.equal(keystone.clock.sleeps.length, 2)
  })

  test('fails as unreachable when Keystone stays silent', async () => {
    await using keystone = await start(() => {}, {}, { timeouts: { headersMs: 200 }, retries: 0 })
    await assert.rejects(keystone.session.token(), { code: 'SHOAL_KEYSTONE_UNREACHABLE' })
  })

  const nonsense: Record<string, Handler> = {
    'a page': (_, response) => void response.writeHead(200).end('<html>'),
    'a redirection': (_, response) => void response.writeHead(302, { location: 'http://192.0.2.1/' }).end(),
    'no token': (_, response) => sendJson(response, 201, loginAnswer(Date.now())),
    'no end': (_, response) => sendJson(response, 201, { token: { expires_at: 'soon' } }, { 'x-subject-token': 't' }),
    'another API': (_, response) => sendJson(response, 404, {}),
    'an endless body': (_, response) => void response.writeHead(201, { 'x-subject-token': 't' }).end(' '.repeat(5e6)),
  }
  for (const [what, handler] of Object.entries(nonsense)) {
    test(`fails as nonsense on ${what}`, async () => {
      await using keystone = await start(handler)
      await assert.rejects(keystone.session.token(), { code: 'SHOAL_KEYSTONE_PROTOCOL' })
      assert.equal(keystone.server.requests.length, 1)
    })
  }

  test('goes on for the others when one caller gives up', async () => {
    const { promise: asked, resolve: onAsked } = Promise.withResolvers<void>()
    const { promise: released, resolve: release } = Promise.withResolvers<void>()
    const grant = granting()
    await using keystone = await start(async (request, response) => {
      onAsked()
      await released
      return grant(request, response)
    })
    const abort = new AbortController()
    const impatient = keystone.session.token({ signal: abort.signal })
    const patient = keystone.session.token()
    await asked
    abort.abort(new Error('enough'))
    await assert.rejects(impatient, /enough/)
    release()
    assert.equal(await patient, 'token-1')
  })
})

describe('finding a service in the catalogue', () => {
  test('takes the first region and the public interface when none is asked for', async () => {
    await using keystone = await start(granting())
    assert.equal(await keystone.session.endpoint('image'), 'http://north.example')
  })

  test('takes region and interface from the settings, and the caller over both', async () => {
    await using keystone = await start(granting(), { OS_REGION_NAME: 'north', OS_INTERFACE: 'internalURL' })
    assert.equal(await keystone.session.endpoint('image'), 'http://north.internal')
    assert.equal(
      await keystone.session.endpoint('image', { interface: 'public', region: 'south' }),
      'http://south.example',
    )
  })

  test('says what there is when region or interface have no endpoint', async () => {
    await using keystone = await start(granting(), { OS_REGION_NAME: 'west' })
    await assert.rejects(keystone.session.endpoint('image'), {
      code: 'SHOAL_KEYSTONE_CATALOGUE',
      message: /public in north, internal in north, public in south/,
    })
    await assert.rejects(keystone.session.endpoint('volume'), { code: 'SHOAL_KEYSTONE_CATALOGUE' })
  })
})

const hasOpenssl = spawnSync('openssl', ['version']).status === 0

test('a certificate is trusted with its CA only', { skip: !hasOpenssl && 'openssl is not installed' }, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'shoal-tls-'))
  const [key, cert] = ['key.pem', 'cert.pem'].map((name) => join(directory, name)) as [string, string]
  const subject = ['-subj', '/CN=keystone', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2']
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key]
  execFileSync('openssl', ['req', '-x509', ...newKey, '-out', cert, ...subject], { stdio: 'ignore' })
  const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_, response) => {
    sendJson(response, 201, loginAnswer(Date.now()), { 'x-subject-token': 'token' })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/v3`
  const login = async (env: NodeJS.ProcessEnv) => {
    const credentials = { OS_AUTH_URL: url, OS_USERNAME: 'seed', OS_PASSWORD: 'x', OS_PROJECT_NAME: 'p' }
    const auth = readCloudAuth({ env: { ...credentials, ...env }, searchPaths: [] })
    const session = createKeystoneSession({ clock: new InstantClock(), logger: silentLogger }, auth)
    return session.token().finally(() => session.close())
  }
  try {
    await assert.rejects(login({}), { code: 'SHOAL_CLOUD_CERTIFICATE' })
    await assert.rejects(login({ OS_CACERT: join(directory, 'none.pem') }), { code: 'SHOAL_CLOUD_CONFIG' })
    assert.equal(await login({ OS_CACERT: cert }), 'token')
    assert.equal(await login({ OS_INSECURE: 'true' }), 'token')
  } finally {
    server.closeAllConnections()
    server.close()
    rmSync(directory, { recursive: true })
  }
})
