import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { it } from 'node:test'
import { createFixture, MIB, rawImage } from '../seed-fixture.ts'

const DAY_MS = 86_400_000

/** What answers as a Keystone that knows these tokens, all of them for projects of the same name. */
async function startKeystone(projects: Readonly<Record<string, string>>) {
  const domain = { id: 'default', name: 'Default' }
  const server = createServer((request, response) => {
    const given = String(request.headers['x-subject-token'])
    const name = projects[given]
    if (name === undefined) return void response.writeHead(404).end()
    const project = { id: `p-${name}`, name, domain }
    const user = { id: `u-${given}`, name: given, domain }
    const expires_at = new Date(Date.now() + DAY_MS).toISOString()
    response.end(JSON.stringify({ token: { user, project, expires_at, roles: [{ name: 'member' }] } }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

it('an image that Glance refuses to a user does not exist for the user, whatever is done with it', async (t) => {
  await using keystone = await startKeystone({ demo: 'demo', other: 'other' })
  const roles = ['demo', 'other'].map((name) => ({
    keystoneRole: 'member',
    project: `${name}@Default`,
    role: 'operator',
  }))
  const fixture = await createFixture(t, {
    'access.keystone.url': keystone.url,
    'access.keystone.roles': JSON.stringify(roles),
  })
  fixture.proxy.admits = (token) => token === undefined || token === 'demo'
  const image = await fixture.addImage('private', rawImage(MIB), { visibility: 'private' })
  const { url } = await fixture.start()
  const ask = async (token: string, method: string, path: string, body?: object) => {
    const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' }
    const init = body === undefined ? {} : { body: JSON.stringify(body) }
    const response = await fetch(url + path, { method, headers: { 'x-auth-token': token, ...type }, ...init })
    const text = await response.text()
    return response.ok ? 'ok' : (JSON.parse(text) as { error: { code: string } }).error.code
  }
  assert.equal(await ask('other', 'POST', `/v1/images/${image}/import`), 'SHOAL_IMAGE_UNKNOWN')
  assert.equal(await ask('demo', 'POST', `/v1/images/${image}/import`), 'ok')
  const { layer } = await fixture.imported(image)
  const plan = { dryRun: true, images: [{ image, all: true }] }
  const rule = {
    ...{ enabled: false, on: 'schedule', cron: '0 2 * * *', timeZone: 'UTC' },
    ...{ images: { id: image }, target: { all: true } },
  }
  const asked: [string, string, object | undefined, string][] = [
    ['DELETE', `/v1/images/${image}/import`, undefined, 'SHOAL_IMAGE_UNKNOWN'],
    ['POST', `/v1/images/${image}/layers`, {}, 'SHOAL_IMAGE_UNKNOWN'],
    ['DELETE', `/v1/images/${image}/layers`, undefined, 'SHOAL_IMAGE_UNKNOWN'],
    ['POST', '/v1/prefetch', plan, 'SHOAL_IMAGE_UNKNOWN'],
    ['POST', '/v1/prefetch', { ...plan, dryRun: false }, 'SHOAL_IMAGE_UNKNOWN'],
    ['PUT', '/v1/assignments', { layer, all: true }, 'SHOAL_LAYER_UNKNOWN'],
    ['POST', '/v1/placement', { images: [{ image, vms: 1 }] }, 'SHOAL_IMAGE_UNKNOWN'],
    ['PUT', `/v1/nodes/n1/boots/${image}`, undefined, 'SHOAL_IMAGE_UNKNOWN'],
    ['PUT', `/v1/nodes/n1/files/${image}`, undefined, 'SHOAL_IMAGE_UNKNOWN'],
    ['GET', `/v1/layers/${layer}/manifest`, undefined, 'SHOAL_LAYER_UNKNOWN'],
    ['GET', `/v1/layers/${layer}/torrent`, undefined, 'SHOAL_LAYER_UNKNOWN'],
    ['PUT', '/v1/prefetch-rules/mine', rule, 'SHOAL_ACCESS_RULE'],
  ]
  for (const [method, path, body, code] of asked) {
    assert.equal(await ask('other', method, path, body), code, `other: ${method} ${path}`)
    const own = await ask('demo', method, path, body)
    assert.equal(own === code && code !== 'SHOAL_ACCESS_RULE', false, `demo: ${method} ${path} ${own}`)
  }
  const made = await fixture.client.createPrefetch({ body: { images: [{ image, all: true }] } })
  assert.equal(await ask('other', 'PATCH', `/v1/prefetch/${made.id}`, { priority: 90 }), 'SHOAL_IMAGE_UNKNOWN')
  assert.equal(await ask('other', 'POST', `/v1/prefetch/${made.id}/retry`), 'SHOAL_IMAGE_UNKNOWN')
  assert.equal(await ask('demo', 'POST', `/v1/prefetch/${made.id}/retry`), 'ok')
  const { events } = await fixture.client.listEvents({ query: { actor: 'user' } })
  assert.deepEqual(new Set(events.map(({ actor }) => actor)), new Set(['user:demo@Default']))
})
