import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { test } from 'node:test'
import { type Logger, ShoalError, silentLogger } from '@shoal/core'
import { registerOperation } from '@shoal/service'
import { Type } from 'typebox'
import { asOperator, bearer, buildService, NODE_TOKEN } from './start-service.ts'

const params = Type.Object({ thing: Type.String({ maxLength: 253 }) })
const showThing = {
  id: 'showThing',
  method: 'GET',
  path: '/v1/things/{thing}',
  role: 'node',
  summary: 'Shows.',
  params,
} as const
const putThing = {
  id: 'putThing',
  method: 'PUT',
  path: '/v1/things/{thing}',
  role: 'operator',
  summary: 'Puts.',
  params,
  query: Type.Object(
    { limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 10 })) },
    { additionalProperties: false },
  ),
  body: Type.Object({ size: Type.Integer() }, { additionalProperties: false }),
  response: Type.Object({ size: Type.Integer(), limit: Type.Union([Type.Integer(), Type.Null()]) }),
} as const

async function codeOf(response: Response): Promise<string> {
  const body = (await response.json()) as { error: { code: string; message: string; hint: string; details: object } }
  assert.deepEqual(Object.keys(body.error), ['code', 'message', 'hint', 'details'])
  return body.error.code
}

async function startThings(logger: Logger = silentLogger) {
  const { service, health } = await buildService(
    { bodyLimitBytes: 1000, statusByCode: { SHOAL_TEST_CONFLICT: 409 } },
    logger,
  )
  registerOperation(service.app, showThing, ({ params: { thing } }) => {
    if (thing === 'conflict') throw new ShoalError('SHOAL_TEST_CONFLICT', 'No.', { hint: 'Do.', details: { thing } })
    if (thing === 'unmapped') throw new ShoalError('SHOAL_TEST_OTHER', 'No.', { hint: 'Do.' })
    if (thing === 'bug') throw new Error('the password is hunter2')
    return undefined
  })
  registerOperation(service.app, putThing, ({ body, query }) => ({ size: body.size, limit: query.limit ?? null }))
  const url = await service.start()
  const put = (path: string, init: RequestInit = {}) =>
    fetch(`${url}${path}`, {
      method: 'PUT',
      body: '{"size":1}',
      ...init,
      headers: { 'content-type': 'application/json', ...asOperator, ...init.headers },
    })
  return { url, put, service, health, [Symbol.asyncDispose]: service.stop }
}

test('an operation answers with validated, converted parts of the request', async () => {
  await using things = await startThings()
  const response = await things.put('/v1/things/x?limit=3')
  assert.equal(response.status, 200)
  assert.deepEqual(await response.json(), { size: 1, limit: 3 })
  assert.equal(response.headers.get('cache-control'), 'no-store')
  assert.equal(response.headers.get('x-content-type-options'), 'nosniff')
})

test('a request that does not fit the schema is SHOAL_HTTP_INVALID', async () => {
  await using things = await startThings()
  const bad: [string, RequestInit?][] = [
    ['/v1/things/x?limit=0'],
    ['/v1/things/x?limit=x'],
    ['/v1/things/x?other=1'],
    ['/v1/things/x', { body: '{"size":"1"}' }],
    ['/v1/things/x', { body: '{"size":1,"more":2}' }],
    ['/v1/things/x', { body: '{"size":' }],
    ['/v1/things/x', { body: '' }],
    ['/v1/things/x', { body: '{"__proto__":{},"size":1}' }],
    [`/v1/things/${'x'.repeat(254)}`],
    ['/v1/things/%zz'],
  ]
  for (const [path, init] of bad) {
    const response = await things.put(path, init)
    assert.equal(response.status, 400, `${path} ${String(init?.body)}`)
    assert.equal(await codeOf(response), 'SHOAL_HTTP_INVALID')
  }
})

test('a body too large or of another type has its own code', async () => {
  await using things = await startThings()
  const large = await things.put('/v1/things/x', { body: `{"size":1,"x":"${'x'.repeat(1000)}"}` })
  assert.deepEqual([large.status, await codeOf(large)], [413, 'SHOAL_HTTP_TOO_LARGE'])
  const text = await things.put('/v1/things/x', { headers: { 'content-type': 'text/plain' } })
  assert.deepEqual([text.status, await codeOf(text)], [415, 'SHOAL_HTTP_MEDIA_TYPE'])
})

test('tokens open what their role may do and nothing else', async () => {
  await using things = await startThings()
  const path = `${things.url}/v1/things/x`
  for (const headers of [{}, bearer('wrong'), bearer(''), { authorization: `Basic ${NODE_TOKEN}` }]) {
    const response = await fetch(path, { headers })
    assert.deepEqual([response.status, await codeOf(response)], [401, 'SHOAL_HTTP_UNAUTHORIZED'])
    assert.equal(response.headers.get('www-authenticate'), 'Bearer')
  }
  assert.equal((await fetch(path, { headers: bearer(NODE_TOKEN) })).status, 200)
  assert.equal((await fetch(path, { headers: asOperator })).status, 200)
  const forbidden = await things.put('/v1/things/x', { headers: bearer(NODE_TOKEN) })
  assert.deepEqual([forbidden.status, await codeOf(forbidden)], [403, 'SHOAL_HTTP_FORBIDDEN'])
})

test('a role without a token is open to nobody, and a route without a role is for admins', async () => {
  const { service } = await buildService({ tokens: { node: NODE_TOKEN, operator: '' } })
  await using _ = service
  service.app.get('/v1/bare', () => ({}))
  const url = await service.start()
  assert.equal((await fetch(`${url}/v1/bare`, { headers: bearer('') })).status, 401)
  assert.equal((await fetch(`${url}/v1/bare`, { headers: bearer(NODE_TOKEN) })).status, 403)
})

test('authentication can be turned off as a whole', async () => {
  const { service } = await buildService({ tokens: false })
  await using _ = service
  registerOperation(service.app, showThing, ({ role }) => {
    assert.equal(role, 'admin')
    return undefined
  })
  assert.equal((await fetch(`${await service.start()}/v1/things/x`)).status, 200)
})

test('errors of the service have the status of the table, 500 without an entry', async () => {
  await using things = await startThings()
  const conflict = await fetch(`${things.url}/v1/things/conflict`, { headers: asOperator })
  assert.deepEqual([conflict.status, await codeOf(conflict)], [409, 'SHOAL_TEST_CONFLICT'])
  const other = await fetch(`${things.url}/v1/things/unmapped`, { headers: asOperator })
  assert.deepEqual([other.status, await codeOf(other)], [500, 'SHOAL_TEST_OTHER'])
})

test('a bug is logged and its message not shown', async () => {
  const logged: string[] = []
  const error = (fields: Record<string, unknown>, message: string) => void logged.push(`${message} ${fields.error}`)
  await using things = await startThings({ ...silentLogger, error })
  const response = await fetch(`${things.url}/v1/things/bug`, { headers: asOperator })
  assert.equal(response.status, 500)
  const text = await response.text()
  assert.match(text, /SHOAL_HTTP_INTERNAL/)
  assert.doesNotMatch(text, /hunter2/)
  assert.match(logged.join(), /request failed.*hunter2/)
})

test('nothing at a path is SHOAL_HTTP_NOT_FOUND, with or without a token', async () => {
  await using things = await startThings()
  const response = await fetch(`${things.url}/v2/nothing?secret=1`)
  assert.deepEqual([response.status, await codeOf(response)], [404, 'SHOAL_HTTP_NOT_FOUND'])
})

test('a request is one log line without query; probes are silent', async () => {
  const lines: unknown[] = []
  const info = ({ requestId, durationMs, ...fields }: Record<string, unknown>, message: string) => {
    lines.push({ ...fields, message })
  }
  await using things = await startThings({ ...silentLogger, info })
  for (const path of ['/healthz', '/readyz', '/metrics', '/v1/things/x?token=hunter2']) {
    await (await fetch(`${things.url}${path}`, { headers: asOperator })).text()
  }
  await things.service.stop()
  assert.deepEqual(lines, [{ method: 'GET', path: '/v1/things/x', status: 200, message: 'request' }])
})

test('probes tell liveness, readiness and version to anyone, metrics only with a token', async () => {
  await using things = await startThings()
  const { url, health } = things
  assert.deepEqual(await (await fetch(`${url}/healthz`)).json(), { status: 'ok', name: 'shoal-test', version: '1.2.3' })
  assert.equal((await fetch(`${url}/readyz`)).status, 200)
  health.register('library', () => {
    throw new ShoalError('SHOAL_TEST', 'at a private address', { hint: '' })
  })
  const response = await fetch(`${url}/readyz`)
  assert.equal(response.status, 503)
  assert.deepEqual(await response.json(), {
    ready: false,
    checks: [{ name: 'library', ok: false, code: 'SHOAL_TEST' }],
    notes: [],
  })
  assert.equal((await fetch(`${url}/metrics`)).status, 401)
  await (await fetch(`${url}/v1/things/x`, { headers: asOperator })).text()
  const metrics = await (await fetch(`${url}/metrics`, { headers: bearer(NODE_TOKEN) })).text()
  assert.match(metrics, /shoal_http_requests_total\{operation="showThing",status="2xx"\} 1/)
})

test('the reference is served offline to anyone: OpenAPI 3.1 and a page that loads nothing from elsewhere', async () => {
  await using things = await startThings()
  const description = (await (await fetch(`${things.url}/openapi.json`)).json()) as {
    openapi: string
    paths: Record<string, { put: { operationId: string; security: unknown; responses: object } }>
  }
  assert.equal(description.openapi, '3.1.0')
  assert.deepEqual(Object.keys(description.paths), ['/v1/things/{thing}'])
  const put = description.paths['/v1/things/{thing}']?.put
  assert.equal(put?.operationId, 'putThing')
  assert.deepEqual(put.security, [{ token: [] }])
  assert.deepEqual(Object.keys(put.responses), ['200', '4XX', '5XX'])
  const page = await fetch(`${things.url}/docs/`)
  assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'; script-src 'self'/)
  const html = await page.text()
  assert.doesNotMatch(html, /(src|href)="(https?:)?\/\//)
  for (const [, path] of html.matchAll(/(?:src|href)="\.\/([^"]+)"/g)) {
    const part = await fetch(`${things.url}/docs/${path}`)
    assert.equal(part.status, 200, path)
    await part.arrayBuffer()
  }
})

test('a port in use and an address of another machine are coded errors', async () => {
  const holder = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => holder.once('listening', resolve))
  const { port } = holder.address() as { port: number }
  const taken = await buildService({ port })
  await assert.rejects(taken.service.start(), { code: 'SHOAL_HTTP_PORT_IN_USE' })
  await taken.service.stop()
  holder.close()
  const elsewhere = await buildService({ host: '192.0.2.1' })
  await assert.rejects(elsewhere.service.start(), { code: 'SHOAL_HTTP_ADDRESS' })
  await elsewhere.service.stop()
})

test('stopping lets a request that runs finish, takes no new one, and may be asked for twice', async () => {
  const { service } = await buildService()
  const entered = Promise.withResolvers<void>()
  const release = Promise.withResolvers<void>()
  registerOperation(service.app, showThing, async () => {
    entered.resolve()
    await release.promise
    return undefined
  })
  const url = await service.start()
  const running = fetch(`${url}/v1/things/x`, { headers: asOperator })
  await entered.promise
  const stopped = Promise.all([service.stop(), service.stop()])
  release.resolve()
  assert.equal((await running).status, 200)
  await stopped
  await assert.rejects(fetch(`${url}/healthz`))
})

test('a request that does not finish is cut when the service has waited long enough', async () => {
  const { service } = await buildService({ drainMs: 20 })
  const entered = Promise.withResolvers<void>()
  registerOperation(service.app, showThing, () => {
    entered.resolve()
    return new Promise<undefined>(() => {})
  })
  const running = fetch(`${await service.start()}/v1/things/x`, { headers: asOperator })
  running.catch(() => {})
  await entered.promise
  await service.stop()
  await assert.rejects(running)
})

test('connections on which no request came do not hold up stopping', async () => {
  const { service } = await buildService()
  const { hostname, port } = new URL(await service.start())
  const accepted = once(service.app.server, 'connection')
  const socket = connect({ host: hostname, port: Number(port) })
  await accepted
  const closed = once(socket, 'close')
  await service.stop()
  await closed
})
