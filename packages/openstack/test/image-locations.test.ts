import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { silentLogger, systemClock } from '@shoal/core'
import { createGlanceClient, createNoAuthSession } from '@shoal/openstack'
import { startWebServer } from './web-server.ts'

const ID = '00000000-0000-4000-8000-000000000001'
const DATA = Buffer.from('the bytes of the image')
const sha512 = createHash('sha512').update(DATA).digest('hex')

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source) chunks.push(chunk)
  return Buffer.concat(chunks)
}

test('where an image says that its data is, nobody looks: locations, direct_url, file, redirects', async () => {
  await using victim = await startWebServer((_, response) => void response.end('secrets of the metadata service'))
  let redirects = false
  await using glance = await startWebServer(({ path }, response) => {
    if (path === `/v2/images/${ID}/file`) {
      if (redirects) response.writeHead(302, { location: `${victim.url}/file` }).end()
      else response.writeHead(200, { 'content-length': DATA.length }).end(DATA)
      return
    }
    const image = {
      ...{ id: ID, name: 'x', status: 'active', visibility: 'private', disk_format: 'raw', container_format: 'bare' },
      ...{ size: DATA.length, os_hash_algo: 'sha512', os_hash_value: sha512, tags: [], owner: 'p' },
      ...{ created_at: '2026-01-01T00:00:00Z', updated_at: '2026-01-01T00:00:00Z' },
      direct_url: `${victim.url}/direct`,
      locations: [
        { url: `${victim.url}/location`, metadata: {} },
        { url: 'file:///etc/passwd', metadata: {} },
      ],
      file: `${victim.url}/file`,
      self: `${victim.url}/self`,
      schema: `${victim.url}/schema`,
      next: `${victim.url}/next`,
    }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(path === '/v2/images' ? { images: [image] } : image))
  })
  const session = createNoAuthSession(glance.url, null, { source: 'test' })
  const client = createGlanceClient({ clock: systemClock, logger: silentLogger, session }, { retries: 0 })
  try {
    const image = await client.show(ID)
    assert.ok(image)
    assert.deepEqual(await collect(client.download(image)), DATA)
    for await (const listed of client.list()) assert.equal(listed.id, ID)
    redirects = true
    await assert.rejects(collect(client.download(image)))
  } finally {
    await client.close()
  }
  assert.deepEqual(victim.requests, [])
})
