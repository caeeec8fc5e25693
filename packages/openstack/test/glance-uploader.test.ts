import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import { type Logger, silentLogger } from '@shoal/core'
import { createGlanceUploader, createNoAuthSession, type NewImage, type Session } from '@shoal/openstack'
import { IMAGE_ID } from './image-builder.ts'
import { InstantClock } from './instant-clock.ts'

const DATA = Buffer.alloc(300_000, 'shoal')
const NEW_IMAGE: NewImage = {
  name: 'a middle',
  diskFormat: 'qcow2',
  visibility: 'private',
  isHidden: true,
  minDiskGb: 7,
  minRamMb: 8,
  properties: { shoal_kind: 'middle', name: 'no property takes the place of a field' },
}

interface Seen {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  body: Buffer
}

type Answer = (seen: Seen, response: ServerResponse, record: Record<string, unknown>) => void | Promise<void>

/** A Glance of one image, whose answers a test may replace, by method and end of the path. */
async function startGlance(answers: Partial<Record<'POST' | 'PUT' | 'DELETE' | 'GET', Answer>> = {}) {
  const seen: Seen[] = []
  let record: Record<string, unknown> | undefined
  const usual: Record<string, Answer> = {
    POST: ({ body }, response) => {
      record = { ...(JSON.parse(body.toString()) as object), status: 'queued', size: null }
      send(response, 201, record)
    },
    PUT: ({ body }, response) => {
      record = { ...record, status: 'active', size: body.length }
      response.writeHead(204).end()
    },
    DELETE: (_, response) => void response.writeHead(204).end(),
    GET: (_, response) => send(response, record === undefined ? 404 : 200, record ?? {}),
  }
  const server = createServer(async (incoming, response) => {
    const { method = '', url = '', headers } = incoming
    const request: Seen = { method, path: url, headers, body: Buffer.alloc(0) }
    seen.push(request)
    const answer = answers[method as 'PUT'] ?? usual[method]
    try {
      const chunks: Buffer[] = []
      for await (const chunk of incoming) chunks.push(chunk as Buffer)
      request.body = Buffer.concat(chunks)
    } catch {
      // The client gave up in the middle.
      return
    }
    await answer?.(request, response, record ?? {})
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    seen,
    calls: () => seen.map(({ method, path }) => `${method} ${path.replace(/[0-9a-f-]{36}/, 'ID')}`),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function page(title: string, sentence: string): string {
  return `<html>\n <head>\n  <title>${title}</title>\n </head>\n <body>\n  <h1>${title}</h1>\n  ${sentence}<br /><br />\n\n\n </body>\n</html>`
}

function uploaderFor(url: string, options: { session?: Session; logger?: Logger } = {}) {
  const session = options.session ?? createNoAuthSession(url, 'the-token')
  const uploader = createGlanceUploader(
    { session, clock: new InstantClock(), logger: options.logger ?? silentLogger, random: () => 0 },
    { endpoint: url, timeouts: { headersMs: 5000 } },
  )
  return Object.assign(uploader, { [Symbol.asyncDispose]: () => uploader.close() })
}

async function* chunksOf(data: Buffer, chunkBytes = 65_536): AsyncGenerator<Buffer> {
  for (let at = 0; at < data.length; at += chunkBytes) yield data.subarray(at, at + chunkBytes)
}

const upload = { sizeBytes: DATA.length }

describe('making a record', () => {
  test('sends its fields and properties, under an id of our own', async () => {
    await using glance = await startGlance()
    await using uploader = uploaderFor(glance.url)
    const image = await uploader.createImage(NEW_IMAGE)
    assert.deepEqual(JSON.parse(String(glance.seen[0]?.body)), {
      id: image.id,
      name: 'a middle',
      disk_format: 'qcow2',
      container_format: 'bare',
      visibility: 'private',
      os_hidden: true,
      min_disk: 7,
      min_ram: 8,
      shoal_kind: 'middle',
    })
    assert.equal(glance.seen[0]?.headers['x-auth-token'], 'the-token')
    assert.equal(image.status, 'queued')
  })

  test('says why Glance refuses, and deletes nothing', async () => {
    const POST: Answer = (_, response) =>
      void response
        .writeHead(403)
        .end(page('403 Forbidden', 'You are not authorized to complete publicize_image action.'))
    await using glance = await startGlance({ POST })
    await using uploader = uploaderFor(glance.url)
    await assert.rejects(uploader.createImage(NEW_IMAGE), {
      code: 'SHOAL_GLANCE_REFUSED',
      message: /\(403\): You are not authorized to complete publicize_image action\.$/,
    })
    assert.deepEqual(glance.calls(), ['POST /v2/images'])
  })

  test('is not made twice when the answer is lost, and what may have been made is deleted', async () => {
    await using glance = await startGlance({ POST: (_, response) => void response.destroy() })
    await using uploader = uploaderFor(glance.url)
    await assert.rejects(uploader.createImage(NEW_IMAGE), { code: 'SHOAL_GLANCE_UNREACHABLE' })
    assert.deepEqual(glance.calls(), ['POST /v2/images', 'DELETE /v2/images/ID'])
    const { id } = JSON.parse(String(glance.seen[0]?.body)) as { id: string }
    assert.equal(glance.seen[1]?.path, `/v2/images/${id}`)
  })
})

describe('an upload', () => {
  test('sends the data once with its length, and tells how far it is', async () => {
    await using glance = await startGlance()
    await using uploader = uploaderFor(glance.url)
    const { id } = await uploader.createImage(NEW_IMAGE)
    const progress: number[] = []
    const onProgress = (sentBytes: number) => void progress.push(sentBytes)
    const image = await uploader.uploadImage(id, chunksOf(DATA), { ...upload, onProgress })
    assert.equal(image.status, 'active')
    const sent = glance.seen.find(({ method }) => method === 'PUT')
    assert.ok(sent)
    assert.ok(sent.body.equals(DATA))
    assert.equal(sent.path, `/v2/images/${id}/file`)
    assert.equal(sent.headers['content-length'], String(DATA.length))
    assert.equal(sent.headers['transfer-encoding'], undefined)
    assert.equal(sent.headers['content-type'], 'application/octet-stream')
    assert.equal(progress.at(-1), DATA.length)
    assert.deepEqual(glance.calls(), [
      'POST /v2/images',
      'GET /v2/images/ID',
      'PUT /v2/images/ID/file',
      'GET /v2/images/ID',
    ])
  })

  test('renews a token that has run out before the data is sent', async () => {
    const tokens = ['stale', 'fresh']
    const isStale: Answer = ({ headers }, response, record) =>
      headers['x-auth-token'] === 'stale' ? void response.writeHead(401).end() : send(response, 200, record)
    await using glance = await startGlance({ GET: isStale })
    const session: Session = {
      ...createNoAuthSession(glance.url),
      token: async () => tokens[0] ?? '',
      invalidate: () => void tokens.shift(),
    }
    await using uploader = uploaderFor(glance.url, { session })
    const { id } = await uploader.createImage(NEW_IMAGE)
    await uploader.uploadImage(id, chunksOf(DATA), upload)
    const sent = glance.seen.filter(({ method }) => method === 'PUT')
    assert.deepEqual(
      sent.map(({ headers }) => headers['x-auth-token']),
      ['fresh'],
    )
  })

  const refusals: [what: string, status: number, code: string][] = [
    ['a token is refused', 401, 'SHOAL_GLANCE_UNAUTHORIZED'],
    ['the quota is full', 413, 'SHOAL_GLANCE_REFUSED'],
    ['the store has failed', 503, 'SHOAL_GLANCE_UPLOAD'],
  ]
  for (const [what, status, code] of refusals) {
    test(`is not repeated when ${what} (${status}), and the image is deleted`, async () => {
      const PUT: Answer = (_, response) => void response.writeHead(status).end(page(String(status), 'No.'))
      await using glance = await startGlance({ PUT })
      await using uploader = uploaderFor(glance.url)
      const { id } = await uploader.createImage(NEW_IMAGE)
      await assert.rejects(uploader.uploadImage(id, chunksOf(DATA), upload), { code })
      assert.deepEqual(glance.calls().slice(2), ['PUT /v2/images/ID/file', 'DELETE /v2/images/ID'])
    })
  }

  test('whose connection is cut says how far it came', async () => {
    await using glance = await startGlance({ PUT: (_, response) => void response.destroy() })
    await using uploader = uploaderFor(glance.url)
    const { id } = await uploader.createImage(NEW_IMAGE)
    const uploaded = uploader.uploadImage(id, chunksOf(DATA), upload)
    await assert.rejects(uploaded, { code: 'SHOAL_GLANCE_UPLOAD', message: /of 300000 bytes/ })
    assert.equal(glance.calls().at(-1), 'DELETE /v2/images/ID')
  })

  test('of data that fails throws what the data threw', async () => {
    await using glance = await startGlance()
    await using uploader = uploaderFor(glance.url)
    const { id } = await uploader.createImage(NEW_IMAGE)
    const broken = async function* () {
      yield DATA.subarray(0, 1000)
      throw new Error('the disk is gone')
    }
    await assert.rejects(uploader.uploadImage(id, broken(), upload), { message: 'the disk is gone' })
    assert.equal(glance.calls().at(-1), 'DELETE /v2/images/ID')
  })

  for (const [what, data] of [
    ['less', DATA.subarray(1)],
    ['more', Buffer.concat([DATA, DATA.subarray(0, 1)])],
  ] as const) {
    test(`of ${what} data than promised does not count`, async () => {
      await using glance = await startGlance()
      await using uploader = uploaderFor(glance.url)
      const { id } = await uploader.createImage(NEW_IMAGE)
      await assert.rejects(uploader.uploadImage(id, chunksOf(data), upload), { code: 'SHOAL_GLANCE_UPLOAD' })
      assert.equal(glance.calls().at(-1), 'DELETE /v2/images/ID')
    })
  }

  test('that Glance has cut does not count although it answered 204', async () => {
    const cut: Answer = (_, response, record) => send(response, 200, { ...record, size: 5 })
    let shows = 0
    const GET: Answer = (seen, response, record) => {
      shows += 1
      return shows === 1 ? send(response, 200, record) : cut(seen, response, record)
    }
    await using glance = await startGlance({ GET })
    await using uploader = uploaderFor(glance.url)
    const { id } = await uploader.createImage(NEW_IMAGE)
    await assert.rejects(uploader.uploadImage(id, chunksOf(DATA), upload), {
      code: 'SHOAL_GLANCE_UPLOAD',
      message: /has 5/,
    })
    assert.equal(glance.calls().at(-1), 'DELETE /v2/images/ID')
  })

  test('that is interrupted deletes the image although its own signal is aborted', async () => {
    await using glance = await startGlance()
    await using uploader = uploaderFor(glance.url)
    const { id } = await uploader.createImage(NEW_IMAGE)
    const controller = new AbortController()
    const endless = async function* () {
      yield DATA.subarray(0, 1000)
      controller.abort(new Error('interrupted'))
      yield DATA.subarray(1000)
    }
    const uploaded = uploader.uploadImage(id, endless(), { ...upload, signal: controller.signal })
    await assert.rejects(uploaded, { message: 'interrupted' })
    assert.equal(glance.calls().at(-1), 'DELETE /v2/images/ID')
  })

  test('to an image that has data already touches nothing', async () => {
    await using glance = await startGlance({
      GET: (_, response) => send(response, 200, { id: IMAGE_ID, status: 'active', size: 4 }),
    })
    await using uploader = uploaderFor(glance.url)
    await assert.rejects(uploader.uploadImage(IMAGE_ID, chunksOf(DATA), upload), { code: 'SHOAL_GLANCE_NOT_READY' })
    assert.deepEqual(glance.calls(), ['GET /v2/images/ID'])
  })

  test('says by the log what it could not delete', async () => {
    const warnings: unknown[] = []
    const logger: Logger = { ...silentLogger, warn: (fields) => void warnings.push(fields) }
    const PUT: Answer = (_, response) => void response.destroy()
    const DELETE: Answer = (_, response) => void response.writeHead(409).end(page('409 Conflict', 'It is in use.'))
    await using glance = await startGlance({ PUT, DELETE })
    await using uploader = uploaderFor(glance.url, { logger })
    const { id } = await uploader.createImage(NEW_IMAGE)
    await assert.rejects(uploader.uploadImage(id, chunksOf(DATA), upload), { code: 'SHOAL_GLANCE_UPLOAD' })
    assert.equal(warnings.length, 1)
    assert.equal((warnings[0] as { image: string }).image, id)
  })
})

describe('deleting an image', () => {
  test('is done when it was gone already', async () => {
    await using glance = await startGlance({ DELETE: (_, response) => void response.writeHead(404).end() })
    await using uploader = uploaderFor(glance.url)
    await uploader.deleteImage(IMAGE_ID)
    assert.deepEqual(glance.calls(), ['DELETE /v2/images/ID'])
  })

  test('is tried again while Glance restarts, and refused with its words', async () => {
    const statuses = [503, 403]
    const DELETE: Answer = (_, response) =>
      void response.writeHead(statuses.shift() ?? 500).end(page('403 Forbidden', 'Image is protected.'))
    await using glance = await startGlance({ DELETE })
    await using uploader = uploaderFor(glance.url)
    await assert.rejects(uploader.deleteImage(IMAGE_ID), {
      code: 'SHOAL_GLANCE_REFUSED',
      message: /Image is protected\.$/,
    })
    assert.equal(glance.seen.length, 2)
  })

  test('takes nothing for an id that is none', async () => {
    await using glance = await startGlance()
    await using uploader = uploaderFor(glance.url)
    await assert.rejects(uploader.deleteImage('../tasks'), TypeError)
    assert.equal(glance.seen.length, 0)
  })
})
