import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { silentLogger } from '@shoal/core'
import { createGlanceClient, createNoAuthSession, type GlanceClientOptions, type Session } from '@shoal/openstack'
import fc from 'fast-check'
import { buildImage, imageJson } from './image-builder.ts'
import { InstantClock } from './instant-clock.ts'
import { rangeStart, type SeenRequest, sendJson, startWebServer } from './web-server.ts'

const DATA = randomBytes(300_000)

type FileHandler = (request: SeenRequest, response: ServerResponse, attempt: number) => void | Promise<void>

/** A Glance with one image of DATA, whose file requests the test answers. */
async function startGlance(options: {
  file: FileHandler
  record?: (attempt: number) => Record<string, unknown> | undefined
  session?: (url: string) => Session
  client?: GlanceClientOptions
  data?: Buffer
}) {
  const image = buildImage(options.data ?? DATA)
  let attempts = 0
  const server = await startWebServer((request, response) => {
    if (request.path.endsWith('/file')) {
      attempts += 1
      return options.file(request, response, attempts)
    }
    const record = options.record === undefined ? {} : options.record(attempts)
    if (record === undefined) return sendJson(response, 404, {})
    sendJson(response, 200, imageJson(image, record))
  })
  const clock = new InstantClock()
  const session = options.session?.(server.url) ?? createNoAuthSession(server.url)
  const client = createGlanceClient(
    { session, clock, logger: silentLogger, random: () => 0.5 },
    { retries: 3, ...options.client },
  )
  return {
    image,
    client,
    clock,
    fileRequests: () => server.requests.filter((request) => request.path.endsWith('/file')),
    async [Symbol.asyncDispose]() {
      await client.close()
      await server[Symbol.asyncDispose]()
    },
  }
}

async function collect(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = []
  for await (const chunk of chunks) all.push(chunk)
  return Buffer.concat(all)
}

/** Answers as Glance does: 206 with Content-Range to a Range, Content-Length always. */
function sendData(request: SeenRequest, response: ServerResponse, data = DATA): void {
  const start = rangeStart(request)
  const rest = data.subarray(start ?? 0)
  const range = start === undefined ? {} : { 'content-range': `bytes ${start}-${data.length - 1}/${data.length}` }
  response.writeHead(start === undefined ? 200 : 206, { 'content-length': rest.length, ...range }).end(rest)
}

/** Promises the whole rest and closes after `bytes` of it. */
function sendCut(request: SeenRequest, response: ServerResponse, bytes: number, data = DATA): void {
  const start = rangeStart(request)
  const rest = data.subarray(start ?? 0)
  const range = start === undefined ? {} : { 'content-range': `bytes ${start}-${data.length - 1}/${data.length}` }
  response.writeHead(start === undefined ? 200 : 206, { 'content-length': rest.length, ...range })
  response.write(rest.subarray(0, bytes), () => response.socket?.end())
}

/** Neither Content-Length nor chunks: the end of the connection is the end of the body. */
function sendUntilClose(response: ServerResponse, head: string, body: Uint8Array): void {
  response.socket?.write(`HTTP/1.1 ${head}\r\nConnection: close\r\n\r\n`)
  response.socket?.end(body)
}

describe('downloading an image', () => {
  test('is one request when nothing goes wrong', async () => {
    await using glance = await startGlance({ file: (request, response) => sendData(request, response) })
    const seen: unknown[] = []
    const data = await collect(glance.client.download(glance.image, { onRequest: (info) => seen.push(info) }))
    assert.ok(data.equals(DATA))
    assert.deepEqual(seen, [{ offset: 0, status: 200 }])
    assert.equal(glance.fileRequests()[0]?.headers.range, undefined)
  })

  test('starts at the offset with a Range', async () => {
    await using glance = await startGlance({ file: (request, response) => sendData(request, response) })
    const data = await collect(glance.client.download(glance.image, { offset: 123_456 }))
    assert.ok(data.equals(DATA.subarray(123_456)))
    assert.deepEqual(glance.fileRequests().map(rangeStart), [123_456])
  })

  test('asks for nothing when all is there already', async () => {
    await using glance = await startGlance({ file: (request, response) => sendData(request, response) })
    assert.equal((await collect(glance.client.download(glance.image, { offset: DATA.length }))).length, 0)
    assert.equal(glance.fileRequests().length, 0)
  })

  test('goes on from the byte reached after a cut', async () => {
    await using glance = await startGlance({
      file: (request, response, attempt) =>
        attempt === 1 ? sendCut(request, response, 100_000) : sendData(request, response),
    })
    assert.ok((await collect(glance.client.download(glance.image))).equals(DATA))
    assert.deepEqual(glance.fileRequests().map(rangeStart), [undefined, 100_000])
    assert.equal(glance.clock.sleeps.length, 1)
  })

  test('gives the same bytes wherever it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 200_000 }), { maxLength: 3 }), async (cuts) => {
        await using glance = await startGlance({
          file: (request, response, attempt) => {
            const cut = cuts[attempt - 1]
            if (cut === undefined) sendData(request, response)
            else sendCut(request, response, cut)
          },
        })
        assert.ok((await collect(glance.client.download(glance.image))).equals(DATA))
      }),
      { numRuns: 15 },
    )
  })

  test('takes an answer without Content-Length', async () => {
    await using glance = await startGlance({ file: (_, response) => sendUntilClose(response, '200 OK', DATA) })
    assert.ok((await collect(glance.client.download(glance.image))).equals(DATA))
  })

  test('does not take a truncation that looks like success for the end', async () => {
    await using glance = await startGlance({
      file: (request, response, attempt) =>
        attempt === 1 ? sendUntilClose(response, '200 OK', DATA.subarray(0, 50_000)) : sendData(request, response),
    })
    assert.ok((await collect(glance.client.download(glance.image))).equals(DATA))
    assert.deepEqual(glance.fileRequests().map(rangeStart), [undefined, 50_000])
  })

  test('fails when the data stays too short', async () => {
    await using glance = await startGlance({
      file: (request, response) => {
        const start = rangeStart(request) ?? 0
        if (start === 0) return sendUntilClose(response, '200 OK', DATA.subarray(0, 50_000))
        const range = `Content-Range: bytes ${start}-${DATA.length - 1}/${DATA.length}`
        sendUntilClose(response, `206 Partial Content\r\n${range}`, Buffer.alloc(0))
      },
    })
    await assert.rejects(collect(glance.client.download(glance.image)), { code: 'SHOAL_GLANCE_TRUNCATED' })
    assert.equal(glance.fileRequests().length, 4)
  })

  test('does not ask for ever when each answer brings a few bytes', async () => {
    await using glance = await startGlance({ file: (request, response) => sendCut(request, response, 10) })
    await assert.rejects(collect(glance.client.download(glance.image)), { code: 'SHOAL_GLANCE_UNREACHABLE' })
    assert.equal(glance.fileRequests().length, 4)
  })

  test('counts its attempts anew after real progress', async () => {
    const data = randomBytes(8 * 1024 * 1024)
    await using glance = await startGlance({
      data,
      file: (request, response, attempt) =>
        attempt <= 6 ? sendCut(request, response, 1_200_000, data) : sendData(request, response, data),
    })
    assert.ok((await collect(glance.client.download(glance.image))).equals(data))
  })

  test('skips what it has when the server ignores Range, and says how much it skipped', async () => {
    await using glance = await startGlance({
      file: (request, response, attempt) => {
        if (attempt === 1) return sendCut(request, response, 100_000)
        response.writeHead(200, { 'content-length': DATA.length }).end(DATA)
      },
    })
    let skipped = 0
    const onSkip = (bytes: number) => {
      skipped += bytes
    }
    assert.ok((await collect(glance.client.download(glance.image, { onSkip }))).equals(DATA))
    assert.equal(skipped, 100_000)
  })

  test('reads from the start when the store refuses a Range with 400', async () => {
    await using glance = await startGlance({
      file: (request, response) => {
        if (rangeStart(request) !== undefined) return sendJson(response, 400, {})
        sendData(request, response)
      },
    })
    const data = await collect(glance.client.download(glance.image, { offset: 200_000 }))
    assert.ok(data.equals(DATA.subarray(200_000)))
    assert.deepEqual(glance.fileRequests().map(rangeStart), [200_000, undefined])
  })

  for (const range of ['bytes 0-299999/300000', 'bytes 1000-299999/300001', 'bytes 1000-299999', '']) {
    test(`refuses a 206 with Content-Range "${range}" to a request from byte 1000`, async () => {
      await using glance = await startGlance({
        file: (_, response) => {
          response.writeHead(206, { 'content-range': range }).end(DATA.subarray(0, 1000))
        },
      })
      await assert.rejects(collect(glance.client.download(glance.image, { offset: 1000 })), {
        code: 'SHOAL_GLANCE_PROTOCOL',
      })
    })
  }

  for (const [status, code] of [
    [204, 'SHOAL_GLANCE_NOT_READY'],
    [302, 'SHOAL_GLANCE_PROTOCOL'],
    [400, 'SHOAL_GLANCE_PROTOCOL'],
    [403, 'SHOAL_GLANCE_FORBIDDEN'],
    [404, 'SHOAL_GLANCE_NOT_FOUND'],
    [416, 'SHOAL_GLANCE_RANGE'],
  ] as const) {
    test(`fails at once with ${code} on ${status}`, async () => {
      await using glance = await startGlance({ file: (_, response) => void response.writeHead(status).end() })
      await assert.rejects(collect(glance.client.download(glance.image)), { code })
      assert.equal(glance.fileRequests().length, 1)
    })
  }

  for (const status of [429, 500, 503]) {
    test(`tries again on ${status}, and gives up in the end`, async () => {
      await using glance = await startGlance({ file: (_, response) => void response.writeHead(status).end() })
      const seen: number[] = []
      const onRequest = (info: { status: number }) => seen.push(info.status)
      await assert.rejects(collect(glance.client.download(glance.image, { onRequest })), {
        code: 'SHOAL_GLANCE_UNREACHABLE',
      })
      assert.deepEqual(seen, [status, status, status, status])
      assert.deepEqual(glance.clock.sleeps, [187.5, 375, 750])
    })
  }

  for (const [status, code] of [
    ['queued', 'SHOAL_GLANCE_NOT_READY'],
    ['saving', 'SHOAL_GLANCE_NOT_READY'],
    ['deactivated', 'SHOAL_GLANCE_DEACTIVATED'],
    ['pending_delete', 'SHOAL_GLANCE_NOT_FOUND'],
  ] as const) {
    test(`asks for no data of an image that has become ${status}, although Glance might give it`, async () => {
      await using glance = await startGlance({
        file: (request, response) => sendData(request, response),
        record: () => ({ status }),
      })
      await assert.rejects(collect(glance.client.download(glance.image)), { code })
      assert.equal(glance.fileRequests().length, 0)
    })
  }

  test('stops with the reason when the image is deactivated between cut and resumption', async () => {
    await using glance = await startGlance({
      file: (request, response) => sendCut(request, response, 100_000),
      record: (attempt) => ({ status: attempt === 0 ? 'active' : 'deactivated' }),
    })
    await assert.rejects(collect(glance.client.download(glance.image)), { code: 'SHOAL_GLANCE_DEACTIVATED' })
  })

  test('stops with the reason when the image is deleted between cut and resumption', async () => {
    await using glance = await startGlance({
      file: (request, response) => sendCut(request, response, 100_000),
      record: (attempt) => (attempt === 0 ? {} : undefined),
    })
    await assert.rejects(collect(glance.client.download(glance.image)), { code: 'SHOAL_GLANCE_NOT_FOUND' })
  })

  test('refuses more data than the image has, announced or not', async () => {
    const long = Buffer.concat([DATA, Buffer.from('x')])
    for (const head of [{ 'content-length': long.length }, {}] as Record<string, number>[]) {
      await using glance = await startGlance({
        file: (_, response) => void response.writeHead(200, head).end(long),
      })
      await assert.rejects(collect(glance.client.download(glance.image)), { code: 'SHOAL_GLANCE_OVERLONG' })
    }
  })

  test('refuses data in an encoding it did not ask for', async () => {
    await using glance = await startGlance({
      file: (_, response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(DATA),
    })
    await assert.rejects(collect(glance.client.download(glance.image)), { code: 'SHOAL_GLANCE_PROTOCOL' })
  })

  test('goes on when the server falls silent in the middle', async () => {
    await using glance = await startGlance({
      client: { timeouts: { bodyIdleMs: 300 } },
      file: (request, response, attempt) => {
        if (attempt > 1) return sendData(request, response)
        response.writeHead(200, { 'content-length': DATA.length })
        response.write(DATA.subarray(0, 70_000))
      },
    })
    assert.ok((await collect(glance.client.download(glance.image))).equals(DATA))
    assert.deepEqual(glance.fileRequests().map(rangeStart), [undefined, 70_000])
  })

  test('does not blame the server when it is the reader who is slow', async () => {
    const data = randomBytes(8 * 1024 * 1024)
    await using glance = await startGlance({
      data,
      client: { timeouts: { bodyIdleMs: 300 } },
      file: (request, response) => sendData(request, response, data),
    })
    let received = 0
    for await (const chunk of glance.client.download(glance.image)) {
      // Longer than the idle time-out and than the granularity of the client's timers.
      if (received === 0) await delay(2500)
      received += chunk.length
    }
    assert.equal(received, data.length)
    assert.equal(glance.fileRequests().length, 1)
  })

  test('ends with the reason of the signal, and with the connection', async () => {
    const { promise: closed, resolve } = Promise.withResolvers<void>()
    await using glance = await startGlance({
      file: (_, response) => {
        response.on('close', resolve)
        response.writeHead(200, { 'content-length': DATA.length }).write(DATA.subarray(0, 1000))
      },
    })
    const abort = new AbortController()
    const reason = new Error('enough')
    const reading = (async () => {
      for await (const _ of glance.client.download(glance.image, { signal: abort.signal })) abort.abort(reason)
    })()
    await assert.rejects(reading, reason)
    await closed
  })

  test('ends the connection when the reader leaves', async () => {
    const { promise: closed, resolve } = Promise.withResolvers<void>()
    await using glance = await startGlance({
      file: (_, response) => {
        response.on('close', resolve)
        response.writeHead(200, { 'content-length': DATA.length }).write(DATA.subarray(0, 1000))
      },
    })
    for await (const _ of glance.client.download(glance.image)) break
    await closed
  })

  test('renews a token that is refused half way, and gives up when the new one is refused too', async () => {
    const tokens = ['old', 'new']
    const invalidated: string[] = []
    const session = (url: string): Session => ({
      token: async () => tokens[invalidated.length] ?? 'last',
      invalidate: (token) => void invalidated.push(token),
      endpoint: async () => url,
      close: async () => {},
    })
    await using glance = await startGlance({
      session,
      file: (request, response, attempt) => {
        if (attempt === 1) return sendCut(request, response, 1000)
        if (request.headers['x-auth-token'] === 'old') return void response.writeHead(401).end()
        sendData(request, response)
      },
    })
    assert.ok((await collect(glance.client.download(glance.image))).equals(DATA))
    assert.deepEqual(invalidated, ['old'])

    await using refusing = await startGlance({ session, file: (_, response) => void response.writeHead(401).end() })
    await assert.rejects(collect(refusing.client.download(refusing.image)), { code: 'SHOAL_GLANCE_UNAUTHORIZED' })
    assert.equal(refusing.fileRequests().length, 2)
  })
})
