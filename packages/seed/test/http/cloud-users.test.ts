import assert from 'node:assert/strict'
import { it } from 'node:test'
import { startKeystone } from '../../../../test/harness/stand-in-keystone.ts'
import { createFixture, MIB, rawImage } from '../seed-fixture.ts'

it('a browser signs in with the password of a user, or a token of Keystone, and acts as that user and nobody else', async (t) => {
  await using keystone = await startKeystone({ demo: 'demo', other: 'other', nobody: 'nobody' })
  const roles = ['demo', 'other'].map((name) => ({
    ...{ keystoneRole: 'member', project: `${name}@Default` },
    role: 'operator',
  }))
  const fixture = await createFixture(t, {
    'access.keystone.url': keystone.url,
    'access.keystone.roles': JSON.stringify(roles),
  })
  fixture.proxy.admits = (token) => token === undefined || token === 'demo'
  const image = await fixture.addImage('private', rawImage(MIB), { visibility: 'private' })
  const { url } = await fixture.start()
  assert.deepEqual(await (await fetch(`${url}/v1/sign-in`)).json(), { cloud: true })
  const signInWith = async (body: object) => {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${url}/v1/session`, { method: 'POST', headers, body: JSON.stringify(body) })
    const cookie = (response.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
    const answer = (await response.json()) as { error?: { code: string }; actor?: string; role?: string }
    return { cookie, ...answer, code: answer.error?.code, text: JSON.stringify(answer) }
  }
  const cloudOf = (user: string, change: object = {}) => {
    const domains = { userDomain: 'Default', projectDomain: 'Default' }
    return { cloud: { user, ...domains, project: user, password: `${user}pw`, ...change } }
  }
  const ask = async (cookie: string, method: string, path: string) => {
    const response = await fetch(url + path, { method, headers: { cookie, 'x-shoal-session': 'dashboard' } })
    const text = await response.text()
    return response.ok ? 'ok' : (JSON.parse(text) as { error: { code: string } }).error.code
  }
  const demo = await signInWith(cloudOf('demo'))
  assert.deepEqual([demo.actor, demo.role], ['user:demo@Default', 'operator'])
  const other = await signInWith({ cloudToken: 'other' })
  const wanted = `/v1/images/${image}/import`
  assert.equal(await ask(other.cookie, 'POST', wanted), 'SHOAL_IMAGE_UNKNOWN', 'rights are those of the user')
  assert.equal(await ask(demo.cookie, 'POST', wanted), 'ok')
  assert.equal(await ask(demo.cookie, 'PUT', '/v1/limits'), 'SHOAL_HTTP_FORBIDDEN')
  const withoutHeader = await fetch(url + wanted, { method: 'POST', headers: { cookie: demo.cookie } })
  assert.equal(withoutHeader.status, 401)
  assert.equal(await ask(demo.cookie, 'DELETE', '/v1/session'), 'ok')
  assert.equal(await ask(demo.cookie, 'GET', '/v1/session'), 'SHOAL_HTTP_UNAUTHORIZED')

  const password = 'correct horse battery'
  const bad: [object, string][] = [
    [cloudOf('demo', { password }), 'SHOAL_SESSION_CREDENTIALS'],
    [cloudOf('demo', { project: 'other' }), 'SHOAL_SESSION_CREDENTIALS'],
    [{ cloudToken: 'made up' }, 'SHOAL_SESSION_CREDENTIALS'],
    [cloudOf('nobody'), 'SHOAL_SESSION_ROLE'],
    [cloudOf('demo', { password, more: 1 }), 'SHOAL_HTTP_INVALID'],
    [cloudOf('demo', { password: password.repeat(1000) }), 'SHOAL_HTTP_INVALID'],
    [{ ...cloudOf('demo', { password }), token: 'x' }, 'SHOAL_HTTP_INVALID'],
  ]
  for (const [body, code] of bad) {
    const refused = await signInWith(body)
    assert.deepEqual([refused.code, refused.cookie], [code, ''])
    assert.ok(!refused.text.includes(password), 'an answer tells no password')
  }
  const guesses = Array.from({ length: 30 }, () => () => signInWith(cloudOf('demo', { password })))
  let last = ''
  for (const guess of guesses) last = (await guess()).code ?? ''
  assert.equal(last, 'SHOAL_HTTP_FAILURES')
  assert.equal(await ask(other.cookie, 'GET', '/v1/session'), 'ok', 'who is signed in stays')
  const { events } = await fixture.client.listEvents({ query: { actor: 'user' } })
  const kept = JSON.stringify([events, await fixture.client.listAudit({ query: { limit: 500 } })])
  assert.ok(kept.includes('session.opened') && !kept.includes(password) && !kept.includes('demopw'))
})

it('without Keystone there is no signing in with it, and when it is away that is said', async (t) => {
  const keystone = await startKeystone({})
  await keystone[Symbol.asyncDispose]()
  const body = JSON.stringify({ cloudToken: 'x' })
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body }
  for (const [settings, code] of [
    [{}, 'SHOAL_SESSION_NO_KEYSTONE'],
    [{ 'access.keystone.url': keystone.url }, 'SHOAL_ACCESS_KEYSTONE'],
  ] as const) {
    const { url } = await (await createFixture(t, settings)).start()
    const answer = (await (await fetch(`${url}/v1/session`, init)).json()) as { error: { code: string } }
    assert.equal(answer.error.code, code)
  }
})

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
