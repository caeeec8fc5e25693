import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { silentLogger } from '@shoal/core'
import { createGlanceClient, createNoAuthSession, type GlanceClientOptions, type GlanceImage } from '@shoal/openstack'
import { buildImage, IMAGE_ID, imageJson } from './image-builder.ts'
import { InstantClock } from './instant-clock.ts'
import { type Handler, sendJson, startWebServer } from './web-server.ts'

async function start(handler: Handler, options: GlanceClientOptions = {}, path = '') {
  const server = await startWebServer(handler)
  const session = createNoAuthSession(server.url + path, 'the-token')
  const client = createGlanceClient({ session, clock: new InstantClock(), logger: silentLogger }, options)
  return {
    server,
    client,
    async [Symbol.asyncDispose]() {
      await client.close()
      await server[Symbol.asyncDispose]()
    },
  }
}

const image = buildImage(Buffer.from('data'))
const idOf = (number: number) => `c0ffee00-0000-4000-8000-${String(number).padStart(12, '0')}`

describe('showing an image', () => {
  test('reads the record and keeps text it does not know as properties', async () => {
    const extra = {
      os_distro: 'debian',
      os_hidden: false,
      stores: 'fs',
      self: '/v2/images/x',
      file: '/v2/images/x/file',
    }
    await using glance = await start((_, response) => sendJson(response, 200, imageJson(image, extra)))
    const shown = await glance.client.show(IMAGE_ID)
    assert.deepEqual(shown, { ...image, properties: { os_distro: 'debian', stores: 'fs' } })
    assert.equal(glance.server.requests[0]?.headers['x-auth-token'], 'the-token')
  })

  test('reads a record without data as nulls', async () => {
    const json = { id: IMAGE_ID, status: 'queued', size: null, name: null, tags: [] }
    await using glance = await start((_, response) => sendJson(response, 200, json))
    const shown = await glance.client.show(IMAGE_ID)
    assert.equal(shown?.status, 'queued')
    assert.equal(shown?.sizeBytes, null)
    assert.equal(shown?.osHashValue, null)
  })

  for (const path of ['', '/', '/v2', '/v2/', '/image', '/image/v2']) {
    test(`finds the API below an endpoint that ends in "${path}"`, async () => {
      await using glance = await start((_, response) => sendJson(response, 200, imageJson(image)), {}, path)
      await glance.client.show(IMAGE_ID)
      const prefix = path.startsWith('/image') ? '/image' : ''
      assert.equal(glance.server.requests[0]?.path, `${prefix}/v2/images/${IMAGE_ID}`)
    })
  }

  test('is undefined on 404, and without a request when the id is none', async () => {
    await using glance = await start((_, response) => sendJson(response, 404, {}))
    assert.equal(await glance.client.show(IMAGE_ID), undefined)
    assert.equal(await glance.client.show('../tasks'), undefined)
    assert.equal(glance.server.requests.length, 1)
  })

  const bodies: Record<string, unknown> = {
    'a list': [],
    'another image': imageJson(buildImage(Buffer.alloc(0), { id: idOf(7) })),
    'a negative size': imageJson(image, { size: -1 }),
    'a size that is text': imageJson(image, { size: '4' }),
    'an unknown status': imageJson(image, { status: 'melted' }),
  }
  for (const [what, body] of Object.entries(bodies)) {
    test(`refuses ${what}`, async () => {
      await using glance = await start((_, response) => sendJson(response, 200, body))
      await assert.rejects(glance.client.show(IMAGE_ID), { code: 'SHOAL_GLANCE_PROTOCOL' })
    })
  }

  test('refuses what is no JSON, such as the page of a proxy', async () => {
    await using glance = await start((_, response) => void response.writeHead(200).end('<html>'))
    await assert.rejects(glance.client.show(IMAGE_ID), { code: 'SHOAL_GLANCE_PROTOCOL' })
  })

  test('stops reading a body that does not end', async () => {
    await using glance = await start((_, response) => {
      response.writeHead(200)
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536, ' '))) {}
      }
      response.on('drain', more)
      more()
    })
    await assert.rejects(glance.client.show(IMAGE_ID), { code: 'SHOAL_GLANCE_PROTOCOL' })
  })

  test('tries again when Glance is restarting', async () => {
    let attempts = 0
    await using glance = await start((_, response) => {
      attempts += 1
      sendJson(response, attempts < 3 ? 503 : 200, imageJson(image))
    })
    assert.equal((await glance.client.show(IMAGE_ID))?.id, IMAGE_ID)
  })

  test('says that nobody listens', async () => {
    const session = createNoAuthSession(`http://127.0.0.1:${await freePort()}`)
    const client = createGlanceClient({ session, clock: new InstantClock(), logger: silentLogger })
    await assert.rejects(client.show(IMAGE_ID), { code: 'SHOAL_GLANCE_UNREACHABLE', message: /nobody listens/ })
    await client.close()
  })

  test('says that the server does not answer', async () => {
    await using glance = await start(() => {}, { timeouts: { headersMs: 200 } })
    await assert.rejects(glance.client.show(IMAGE_ID), { code: 'SHOAL_GLANCE_UNREACHABLE', message: /too long/ })
  })

  test('says that a fixed token is refused, after one request', async () => {
    await using glance = await start((_, response) => sendJson(response, 401, {}))
    await assert.rejects(glance.client.show(IMAGE_ID), { code: 'SHOAL_GLANCE_UNAUTHORIZED' })
  })
})

describe('listing images', () => {
  const images = Array.from({ length: 7 }, (_, index) => imageJson(buildImage(Buffer.alloc(0), { id: idOf(index) })))

  /** Pages of `images` as Glance gives them. */
  const pages: Handler = (request, response) => {
    const marker = request.query.get('marker')
    const start = marker === null ? 0 : images.findIndex((json) => json.id === marker) + 1
    const page = images.slice(start, start + Number(request.query.get('limit')))
    const last = page.at(-1)?.id
    const next = start + page.length < images.length ? { next: `/v2/images?limit=3&marker=${last}` } : {}
    sendJson(response, 200, { images: page, first: '/v2/images', schema: '/v2/schemas/images', ...next })
  }

  test('follows the pages to their end', async () => {
    await using glance = await start(pages, {}, '/image')
    const ids: string[] = []
    for await (const { id } of glance.client.list({ pageSize: 3 })) ids.push(id)
    assert.deepEqual(
      ids,
      images.map((json) => json.id),
    )
    assert.deepEqual(
      glance.server.requests.map(({ path }) => path),
      Array(3).fill('/image/v2/images'),
    )
  })

  test('ends after the limit', async () => {
    await using glance = await start(pages)
    const listed = await collect(glance.client.list({ pageSize: 3, limit: 2 }))
    assert.equal(listed.length, 2)
    assert.equal(glance.server.requests.length, 1)
  })

  test('asks for changes from the second before, for times have whole seconds', async () => {
    await using glance = await start(pages)
    await collect(glance.client.list({ updatedSince: '2026-11-20T10:00:00.500Z', visibility: 'public' }))
    const query = glance.server.requests[0]?.query
    assert.equal(query?.get('updated_at'), 'gt:2026-11-20T09:59:59Z')
    assert.equal(query?.get('visibility'), 'public')
  })

  test('leaves out a record that makes no sense', async () => {
    const body = { images: [{ id: 3 }, null, imageJson(image)] }
    await using glance = await start((_, response) => sendJson(response, 200, body))
    assert.deepEqual(
      (await collect(glance.client.list())).map(({ id }) => id),
      [IMAGE_ID],
    )
  })

  test('starts again when the image at the end of a page is deleted meanwhile', async () => {
    let gone = true
    await using glance = await start((request, response) => {
      if (gone && request.query.has('marker')) {
        gone = false
        return sendJson(response, 400, {})
      }
      return pages(request, response)
    })
    const listed = await collect(glance.client.list({ pageSize: 3 }))
    assert.equal(new Set(listed.map(({ id }) => id)).size, images.length)
  })

  test('does not go round in circles', async () => {
    const body = { images: images.slice(0, 1), next: `/v2/images?marker=${idOf(0)}` }
    await using glance = await start((_, response) => sendJson(response, 200, body))
    await assert.rejects(collect(glance.client.list()), { code: 'SHOAL_GLANCE_PROTOCOL' })
  })

  test('asks no one else for the next page', async () => {
    let first = true
    await using glance = await start((request, response) => {
      if (!first) return pages(request, response)
      first = false
      sendJson(response, 200, { images: [images[0]], next: `http://192.0.2.1/v2/images?marker=${idOf(0)}` })
    })
    assert.equal((await collect(glance.client.list())).length, images.length)
  })

  test('refuses a list without images', async () => {
    await using glance = await start((_, response) => sendJson(response, 200, { pictures: [] }))
    await assert.rejects(collect(glance.client.list()), { code: 'SHOAL_GLANCE_PROTOCOL' })
  })
})

async function collect(images: AsyncIterable<GlanceImage>): Promise<GlanceImage[]> {
  const all: GlanceImage[] = []
  for await (const image of images) all.push(image)
  return all
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

test('an endpoint that is no address, or holds a password, is refused before any request', () => {
  for (const endpoint of ['glance', 'ftp://glance', 'http://user:hunter2@glance:9292']) {
    assert.throws(() => createNoAuthSession(endpoint), { code: 'SHOAL_CLOUD_CONFIG', message: /^(?!.*hunter2)/ })
  }
})

test('a certificate file that was put right is read by the next request', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-ca-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const caFile = join(directory, 'ca.pem')
  await using glance = await start((_, response) => sendJson(response, 200, imageJson(image)), { caFile })
  await assert.rejects(glance.client.show(IMAGE_ID), { code: 'SHOAL_CLOUD_CONFIG' })
  await writeFile(caFile, '')
  assert.equal((await glance.client.show(IMAGE_ID))?.id, IMAGE_ID)
})

test('a list of endless empty pages ends', async () => {
  const markers = { a: 'b', b: 'a' } as Record<string, string>
  let pages = 0
  await using glance = await start((request, response) => {
    pages += 1
    const next = `/v2/images?marker=${markers[request.query.get('marker') ?? 'b']}`
    sendJson(response, 200, { images: pages % 2 === 0 ? [] : Array(400_000).fill(0), next })
  })
  await assert.rejects(Array.fromAsync(glance.client.list()), { code: 'SHOAL_GLANCE_PROTOCOL' })
})
