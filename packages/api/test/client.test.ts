import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'node:test'
import { type ClientOptions, createClient, type Event, type Image, operations } from '@shoal/api'
import { ShoalError, silentLogger } from '@shoal/core'
import {
  createHealth,
  createHttpService,
  createMetrics,
  type HttpApp,
  type HttpServiceOptions,
  registerOperation,
} from '@shoal/service'

const DIGEST = `sha256:${'a'.repeat(64)}`
const IMAGE_ID = '0c2d7a1e-5b70-4e0e-9c9a-3a7d4b1f0c11'

/** A real service with the given operations, and a client of it. */
async function serve(
  register: (app: HttpApp) => void,
  options: { client?: Partial<ClientOptions>; service?: Partial<HttpServiceOptions> } = {},
) {
  const service = await createHttpService(
    { logger: silentLogger, metrics: createMetrics({ process: false }), health: createHealth() },
    {
      name: 'test',
      version: '1',
      host: '127.0.0.1',
      port: 0,
      tokens: { operator: 'operator', node: 'node' },
      openapi: { title: 'Test', description: 'A test.' },
      statusByCode: { SHOAL_TEST_GONE: 404 },
      ...options.service,
    },
  )
  register(service.app)
  const baseUrl = await service.start()
  const client = createClient({ baseUrl, token: 'operator', ...options.client })
  return { client, service, baseUrl, [Symbol.asyncDispose]: service.stop }
}

/** A bare HTTP server that answers as no Shoal service does. */
async function serveRaw(listener: RequestListener) {
  const server = createHttpServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    baseUrl: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function image(id: string): Image {
  const sizes = { sizeBytes: 1, virtualSizeBytes: null }
  const hash = { osHashAlgo: null, osHashValue: null }
  const about = { name: 'debian', status: 'active', visibility: 'public', diskFormat: 'qcow2', tags: [] }
  return {
    id,
    ...about,
    ...sizes,
    ...hash,
    updatedAt: '2026-01-01T00:00:00Z',
    import: null,
    layer: null,
    chain: [],
    layering: null,
    signature: {
      ...{ state: 'unsigned' as const, certificate: null, hashMethod: null, keyType: null },
      ...{ subject: null, checkedAt: null, error: null },
    },
  }
}

function event(id: number): Event {
  return {
    id,
    at: '2026-01-01T00:00:00.000Z',
    type: 'import.started',
    actor: 'seed',
    message: 'Import started.',
    details: { a: [1] },
  }
}

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of source) items.push(item)
  return items
}

test('path, query and body reach the handler as the schemas say, and its answer comes back typed', async () => {
  await using api = await serve((app) => {
    registerOperation(app, operations.listImages, ({ query }) => {
      assert.deepEqual({ ...query }, { limit: 5, status: 'a&b=c' })
      return { images: [image(IMAGE_ID)], next: null }
    })
    registerOperation(app, operations.showLayer, ({ params }) => {
      throw new ShoalError('SHOAL_TEST_GONE', 'No such layer.', { hint: 'Look.', details: { layer: params.layer } })
    })
    registerOperation(app, operations.importImage, ({ params }) => image(params.image))
    registerOperation(app, operations.assign, ({ body }) => ({ assigned: body.nodes ?? [], unknown: [body.layer] }))
  })
  const { client } = api
  const page = await client.listImages({ query: { limit: 5, status: 'a&b=c', after: undefined } })
  assert.equal(page.images[0]?.name, 'debian')
  assert.equal((await client.importImage({ params: { image: IMAGE_ID } })).id, IMAGE_ID)
  await assert.rejects(client.showLayer({ params: { layer: DIGEST } }), {
    code: 'SHOAL_TEST_GONE',
    message: 'No such layer.',
    hint: 'Look.',
    details: { layer: DIGEST },
  })
  // @ts-expect-error the field is called nodes
  await assert.rejects(client.assign({ body: { layer: 'x', node: ['a'] } }), { code: 'SHOAL_HTTP_INVALID' })
})

test('an answer outside its schema is SHOAL_API_PROTOCOL, though the service sent it', async () => {
  await using api = await serve((app) => {
    registerOperation(app, operations.unassign, () => ({ removed: -1 }))
  })
  const call = api.client.unassign({ body: { layer: DIGEST } })
  await assert.rejects(call, { code: 'SHOAL_API_PROTOCOL' })
})

test('bytes come back as they were, and an answer without body as undefined', async () => {
  const bytes = new Uint8Array(3 * 1024 ** 2).map((_, index) => index % 251)
  await using api = await serve((app) => {
    registerOperation(app, operations.getManifest, () => bytes)
    registerOperation(app, operations.getTorrent, () => new Uint8Array(0))
    registerOperation(app, operations.removeNode, () => undefined)
  })
  assert.deepEqual(Buffer.from(await api.client.getManifest({ params: { layer: DIGEST } })), Buffer.from(bytes))
  assert.equal((await api.client.getTorrent({ params: { layer: DIGEST } })).length, 0)
  assert.equal(await api.client.removeNode({ params: { node: 'n1' } }), undefined)
})

test('a field that a newer service adds to an answer is no fault', async () => {
  await using raw = await serveRaw((_request, response) => {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ revision: 3, more: true }))
  })
  const client = createClient({ baseUrl: `${raw.baseUrl}/` })
  const inventory = {
    layers: [],
    diskFreeBytes: 0,
    diskUsedBytes: 0,
    downBytesPerSecond: 0,
    upBytesPerSecond: 0,
    load1: 0,
  }
  const { revision } = await client.heartbeat({ params: { node: 'n1' }, body: { inventory, events: [] } })
  assert.equal(revision, 3)
})

test('a token that is missing or of a lower role is refused with the code of the service', async () => {
  await using api = await serve((app) => {
    registerOperation(app, operations.listNodes, () => ({ nodes: [], next: null }))
  })
  const { baseUrl } = api
  await assert.rejects(createClient({ baseUrl }).listNodes(), { code: 'SHOAL_HTTP_UNAUTHORIZED' })
  await assert.rejects(createClient({ baseUrl, token: 'node' }).listNodes(), { code: 'SHOAL_HTTP_FORBIDDEN' })
  assert.deepEqual(await api.client.listNodes(), { nodes: [], next: null })
})

test('no service at the address is SHOAL_API_UNREACHABLE with the reason', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  const client = createClient({ baseUrl: `http://127.0.0.1:${port}` })
  await assert.rejects(client.status(), { code: 'SHOAL_API_UNREACHABLE', message: /ECONNREFUSED/ })
  await assert.rejects(collect(client.streamEvents()), { code: 'SHOAL_API_UNREACHABLE' })
})

test('a service that does not speak TLS is named so, on one line', async () => {
  await using plain = await serveRaw(() => {})
  const client = createClient({ baseUrl: plain.baseUrl.replace('http:', 'https:') })
  await assert.rejects(client.status(), { code: 'SHOAL_API_UNREACHABLE', message: /: TLS: wrong version number\.$/ })
})

test('a service that does not answer in time is SHOAL_API_TIMEOUT, also when it stops in the middle', async () => {
  await using silent = await serveRaw(() => {})
  const client = createClient({ baseUrl: silent.baseUrl, timeoutMs: 20 })
  await assert.rejects(client.status(), { code: 'SHOAL_API_TIMEOUT' })
  await assert.rejects(collect(client.streamEvents()), { code: 'SHOAL_API_TIMEOUT' })
  await using half = await serveRaw((_request, response) => void response.writeHead(200).write('{'))
  await assert.rejects(createClient({ baseUrl: half.baseUrl, timeoutMs: 50 }).status(), { code: 'SHOAL_API_TIMEOUT' })
})

test('an answer that is not of the API is SHOAL_API_PROTOCOL', async () => {
  const answers: RequestListener[] = [
    (_request, response) => void response.end('<html>'),
    (_request, response) => void response.end('{"revision":"x"}'),
    (_request, response) => void response.writeHead(502).end('Bad gateway'),
    (_request, response) => void response.writeHead(500).end('{"error":"text"}'),
  ]
  for (const answer of answers) {
    await using raw = await serveRaw(answer)
    const client = createClient({ baseUrl: raw.baseUrl })
    await assert.rejects(client.status(), { code: 'SHOAL_API_PROTOCOL' })
    await assert.rejects(collect(client.streamEvents()), { code: 'SHOAL_API_PROTOCOL' })
  }
})

test('a redirect is not followed: it would carry the token elsewhere', async () => {
  await using raw = await serveRaw((_request, response) => void response.writeHead(302, { location: '/' }).end())
  await assert.rejects(createClient({ baseUrl: raw.baseUrl, token: 't' }).status(), { code: 'SHOAL_API_UNREACHABLE' })
})

test('an aborted call rejects with the reason of the signal', async () => {
  await using silent = await serveRaw(() => {})
  const client = createClient({ baseUrl: silent.baseUrl })
  const controller = new AbortController()
  const reason = new Error('not any more')
  const calls = [
    client.status({ signal: controller.signal }),
    collect(client.streamEvents({ signal: controller.signal })),
  ]
  controller.abort(reason)
  for (const call of calls) await assert.rejects(call, reason)
})

test('a stream gives typed events in order, reads on after the last id, and ends when the service ends it', async () => {
  await using api = await serve((app) => {
    registerOperation(app, operations.streamEvents, async function* ({ query, lastEventId }) {
      const after = Number(lastEventId ?? query.after ?? 0)
      for (const id of [1, 2, 3]) if (id > after) yield { id, event: 'import.started', data: event(id) }
    })
  })
  const events = await collect(api.client.streamEvents())
  assert.deepEqual(
    events.map(({ id, data }) => [id, data.id]),
    [
      ['1', 1],
      ['2', 2],
      ['3', 3],
    ],
  )
  assert.deepEqual(events[0], { id: '1', event: 'import.started', data: event(1) })
  assert.equal((await collect(api.client.streamEvents({ lastEventId: '2' }))).length, 1)
  assert.equal((await collect(api.client.streamEvents({ query: { after: 1 } }))).length, 2)
})

test('an error before a stream opens is the error of the service', async () => {
  await using api = await serve((app) => {
    registerOperation(app, operations.watchDesired, () => {
      throw new ShoalError('SHOAL_TEST_GONE', 'No such node.', { hint: 'Register.' })
    })
  })
  await assert.rejects(collect(api.client.watchDesired({ params: { node: 'n1' } })), { code: 'SHOAL_TEST_GONE' })
})

test('a stream that breaks, falls silent or sends nonsense throws', async () => {
  const open: RequestListener = (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('event: desired-state\ndata: {"revision":1}\n\n')
  }
  const call = { params: { node: 'n1' } }
  await using broken = await serveRaw((request, response) => {
    open(request, response)
    setImmediate(() => response.destroy())
  })
  await assert.rejects(collect(createClient({ baseUrl: broken.baseUrl }).watchDesired(call)), {
    code: 'SHOAL_API_STREAM_CUT',
  })
  await using silent = await serveRaw(open)
  const impatient = createClient({ baseUrl: silent.baseUrl, streamIdleMs: 30 })
  await assert.rejects(collect(impatient.watchDesired(call)), { code: 'SHOAL_API_STREAM_CUT', message: /nothing came/ })
  await using nonsense = await serveRaw((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end('data: {"revision":-1}\n\n')
  })
  await assert.rejects(collect(createClient({ baseUrl: nonsense.baseUrl }).watchDesired(call)), {
    code: 'SHOAL_API_PROTOCOL',
  })
})

test('comments keep a silent stream alive, and leaving it closes the connection', async () => {
  const closed = Promise.withResolvers<void>()
  await using raw = await serveRaw((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    let beats = 0
    const timer = setInterval(() => {
      beats += 1
      response.write(beats === 6 ? 'data: {"revision":1}\n\n' : ': keep-alive\n\n')
    }, 50)
    response.once('close', () => {
      clearInterval(timer)
      closed.resolve()
    })
  })
  // Six beats take 300 ms, longer than the stream may be silent.
  const client = createClient({ baseUrl: raw.baseUrl, streamIdleMs: 250 })
  for await (const message of client.watchDesired({ params: { node: 'n1' } })) {
    assert.equal(message.data.revision, 1)
    break
  }
  await closed.promise
})

test('calls that miss what an operation needs do not compile', () => {
  const client = createClient({ baseUrl: 'http://127.0.0.1:1' })
  const never = () => {
    // @ts-expect-error the image is missing
    client.showImage()
    // @ts-expect-error the parameter has another name
    client.showImage({ params: { layer: 'x' } })
    // @ts-expect-error the body is missing
    client.registerNode({ params: { node: 'n1' } })
    // @ts-expect-error the limit is a number
    client.listLayers({ query: { limit: '5' } })
    client.listLayers()
    const bytes: Promise<Uint8Array> = client.getTorrent({ params: { layer: 'x' } })
    return bytes
  }
  assert.equal(typeof never, 'function')
})
