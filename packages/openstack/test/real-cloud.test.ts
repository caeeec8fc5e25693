import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { type Logger, silentLogger, systemClock } from '@shoal/core'
import {
  createGlanceClient,
  createImageHash,
  createKeystoneSession,
  type GlanceClient,
  openGlance,
  readCloudAuth,
} from '@shoal/openstack'
import { type OpenStack, startOpenStack } from '../../../infra/openstack/openstack.ts'
import { startCuttingProxy } from './cutting-proxy.ts'

const run = promisify(execFile)
const DATA = randomBytes(24 * 1024 * 1024)
const SHA512 = createHash('sha512').update(DATA).digest('hex')
const SHORT = { timeouts: { connectMs: 2000, headersMs: 10_000, bodyIdleMs: 10_000 } }

let directory: string
let file: string
let cloud: OpenStack
const opened: GlanceClient[] = []

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'shoal-cloud-'))
  file = join(directory, 'image.raw')
  await writeFile(file, DATA)
  cloud = await startOpenStack({ directory: join(directory, 'cloud') })
})
after(async () => {
  await Promise.all(opened.map((glance) => glance.close()))
  await cloud?.stop()
  await rm(directory, { recursive: true, force: true })
})

/** The environment of a user, as an openrc file would set it. */
function environment(changes: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return { ...cloud.env, ...changes }
}

const deps = (logger: Logger = silentLogger) => ({ clock: systemClock, logger, random: () => 0 })

function glanceOf(env: NodeJS.ProcessEnv, logger?: Logger): GlanceClient {
  const glance = openGlance(deps(logger), readCloudAuth({ env, searchPaths: [] }), SHORT)
  opened.push(glance)
  return glance
}

const glanceAs = (user: string) => glanceOf({ OS_CLIENT_CONFIG_FILE: cloud.cloudsFile, OS_CLOUD: user })

function sessionOf(env: NodeJS.ProcessEnv) {
  return createKeystoneSession(deps(), readCloudAuth({ env, searchPaths: [] }), { ...SHORT, retries: 0 })
}

async function login(env: NodeJS.ProcessEnv): Promise<string | null> {
  const session = sessionOf(env)
  return session.token().finally(() => session.close())
}

async function endpoint(env: NodeJS.ProcessEnv): Promise<string> {
  const session = sessionOf(env)
  return session.endpoint('image').finally(() => session.close())
}

/** Downloads with the hash checked; returns what was asked for. */
async function download(glance: GlanceClient, id: string, offset = 0) {
  const image = await glance.show(id)
  assert.ok(image)
  const asked: { offset: number; status: number }[] = []
  const hash = createImageHash(image)
  hash.update(DATA.subarray(0, offset))
  let received = offset
  for await (const chunk of glance.download(image, { offset, onRequest: (info) => asked.push(info) })) {
    hash.update(chunk)
    received += chunk.length
  }
  hash.verify()
  assert.equal(received, DATA.length)
  return asked
}

async function keystone(
  method: string,
  path: string,
  token: string,
  options: { subject?: string; json?: unknown } = {},
) {
  const headers: Record<string, string> = { 'x-auth-token': token, 'content-type': 'application/json' }
  if (options.subject !== undefined) headers['x-subject-token'] = options.subject
  const body = options.json === undefined ? null : JSON.stringify(options.json)
  const response = await fetch(`${cloud.keystoneUrl}${path}`, { method, headers, body })
  assert.ok(response.ok, `${method} ${path} answered ${response.status}`)
  const text = await response.text()
  return text === '' ? {} : JSON.parse(text)
}

describe('logging in to a real Keystone', () => {
  test('works with a password, and with the version missing from the address', async () => {
    assert.match((await login(environment())) ?? '', /^gAAAA/)
    const bare = environment().OS_AUTH_URL?.replace('/v3', '')
    assert.match((await login(environment({ OS_AUTH_URL: bare }))) ?? '', /^gAAAA/)
  })

  test('works with an application credential, by id and by name', async () => {
    const token = await cloud.token('demo')
    const { token: details } = await keystone('GET', '/auth/tokens', token, { subject: token })
    const user = details.user.id
    const json = { application_credential: { name: 'seed', secret: 'shoal-secret', roles: [{ name: 'reader' }] } }
    const created = await keystone('POST', `/users/${user}/application_credentials`, token, { json })
    const common = {
      OS_AUTH_TYPE: 'v3applicationcredential',
      OS_AUTH_URL: cloud.env.OS_AUTH_URL,
      OS_APPLICATION_CREDENTIAL_SECRET: 'shoal-secret',
    }
    const byId = { ...common, OS_APPLICATION_CREDENTIAL_ID: created.application_credential.id }
    assert.equal(await endpoint(byId), cloud.glanceUrl)
    await login({
      ...common,
      OS_APPLICATION_CREDENTIAL_NAME: 'seed',
      OS_USERNAME: 'demo',
      OS_USER_DOMAIN_ID: 'default',
    })
    const wrong = { ...byId, OS_APPLICATION_CREDENTIAL_SECRET: 'other' }
    await assert.rejects(login(wrong), { code: 'SHOAL_KEYSTONE_CREDENTIALS' })
    const { images } = await listOnce(glanceOf(byId))
    assert.ok(Array.isArray(images))
  })

  test('works with a token from elsewhere', async () => {
    const { OS_AUTH_URL, OS_PROJECT_NAME } = cloud.env
    const env = { OS_AUTH_TYPE: 'token', OS_AUTH_URL, OS_PROJECT_NAME, OS_TOKEN: await cloud.token() }
    assert.equal(await endpoint(env), cloud.glanceUrl)
  })

  test('fails with a code for a wrong password, user or project', async () => {
    for (const wrong of [{ OS_PASSWORD: 'no' }, { OS_USERNAME: 'nobody' }, { OS_PROJECT_NAME: 'nothing' }]) {
      await assert.rejects(login(environment(wrong)), { code: 'SHOAL_KEYSTONE_CREDENTIALS' })
    }
  })

  test('fails with a code for an address where nobody is, and one that is no Keystone', async () => {
    const nobody = cloud.env.OS_AUTH_URL?.replace(':5000', ':5999')
    await assert.rejects(login(environment({ OS_AUTH_URL: nobody })), { code: 'SHOAL_KEYSTONE_UNREACHABLE' })
    await assert.rejects(login(environment({ OS_AUTH_URL: cloud.glanceUrl })), { code: 'SHOAL_KEYSTONE_PROTOCOL' })
  })

  test('fails with a code for a wrong region, and without a project', async () => {
    await assert.rejects(endpoint(environment({ OS_REGION_NAME: 'RegionTwo' })), {
      code: 'SHOAL_KEYSTONE_CATALOGUE',
      message: /public in RegionOne/,
    })
    // This user has no default project, so the token is for nothing and has no catalogue.
    const unscoped = environment({ OS_PROJECT_NAME: undefined })
    await assert.rejects(endpoint(unscoped), { code: 'SHOAL_KEYSTONE_CATALOGUE' })
  })

  test('finds the internal and admin interface', async () => {
    for (const OS_INTERFACE of ['internal', 'admin']) {
      assert.equal(await endpoint(environment({ OS_INTERFACE })), cloud.glanceUrl)
    }
  })

  test('is read from the same settings as openstacksdk reads', async () => {
    const script = `
import json, openstack.config
region = openstack.config.OpenStackConfig().get_one()
auth = region.config['auth']
print(json.dumps([region.region_name, region.get_interface('image'), auth['auth_url'], auth['username'], auth['password'],
                  auth.get('project_name'), auth.get('user_domain_id')]))`
    for (const env of [environment(), { OS_CLIENT_CONFIG_FILE: cloud.cloudsFile, OS_CLOUD: 'demo' }]) {
      const { stdout } = await run('/usr/bin/python3', ['-c', script], {
        cwd: directory,
        env: { HOME: directory, ...env },
      })
      const auth = readCloudAuth({ env, searchPaths: [] })
      assert.ok(auth.method.type === 'password')
      const { user, scope, password, authUrl } = auth.method
      assert.ok('name' in user && scope !== null && 'project' in scope && 'name' in scope.project)
      const domain = 'id' in user.domain ? user.domain.id : undefined
      const ours = [auth.region, auth.interface, authUrl, user.name, password.reveal(), scope.project.name, domain]
      assert.deepEqual(ours, JSON.parse(stdout))
    }
  })
})

describe('reading a real Glance', () => {
  test('gives the bytes that the real client uploaded, with one read', async () => {
    const properties = { os_distro: 'debian' }
    const id = await cloud.uploadImage({ name: 'a disk', file, diskFormat: 'raw', properties, tags: ['golden'] })
    const glance = glanceAs('demo')
    const image = await glance.show(id)
    assert.equal(image?.osHashValue, SHA512)
    assert.equal(image?.osHashAlgo, 'sha512')
    assert.equal(image?.sizeBytes, DATA.length)
    assert.equal(image?.properties.os_distro, 'debian')
    assert.deepEqual([image?.name, image?.status, image?.tags], ['a disk', 'active', ['golden']])
    assert.deepEqual(await download(glance, id), [{ offset: 0, status: 200 }])
    const reads = await cloud.imageReads(id)
    assert.deepEqual(
      reads.map(({ status, range }) => ({ status, range })),
      [{ status: 200, range: null }],
    )
  })

  test('lists over several pages, what changed since, and what the token may see', async () => {
    const names = Array.from({ length: 5 }, (_, index) => `page-${index}`)
    const tag = 'paging'
    for (const name of names) await cloud.createImage({ name, diskFormat: 'raw', tags: [tag] })
    const hidden = await cloud.createImage({ name: 'hidden', diskFormat: 'raw', tags: [tag] }, 'other')
    const ours = async (user: string, options = {}) => {
      const found: { id: string; name: string | null; updatedAt: string }[] = []
      for await (const image of glanceAs(user).list({ pageSize: 2, ...options }))
        if (image.tags.includes(tag)) found.push(image)
      return found
    }
    const seen = await ours('demo')
    assert.deepEqual(
      seen.map(({ name }) => name),
      names,
    )
    assert.ok((await ours('other')).some(({ id }) => id === hidden))
    const last = seen.at(-1)
    assert.ok(last)
    assert.ok((await ours('demo', { updatedSince: last.updatedAt })).some(({ id }) => id === last.id))
    const later = new Date(Date.parse(last.updatedAt) + 60_000).toISOString()
    assert.deepEqual(await ours('demo', { updatedSince: later }), [])
  })

  test('goes on with Range after cuts, polite and not, and asks only for the rest', async () => {
    const id = await cloud.uploadImageFast({ name: 'cut', file, diskFormat: 'raw' })
    await using proxy = await startCuttingProxy(cloud.glanceUrl)
    const glance = glanceOf(environment({ OS_IMAGE_ENDPOINT_OVERRIDE: proxy.url }))
    proxy.cut({ afterBytes: 5_000_000, how: 'end' }, { afterBytes: 6_000_000, how: 'reset' })
    const asked = await download(glance, id)
    assert.deepEqual(
      asked.map(({ status }) => status),
      [200, 206, 206],
    )
    const offsets = asked.map(({ offset }) => offset)
    assert.ok(
      offsets.every((offset, index) => index === 0 || offset > (offsets[index - 1] ?? 0)),
      String(offsets),
    )
    const ranges = (await cloud.imageReads(id)).map(({ range }) => range)
    assert.deepEqual(ranges, [null, `bytes=${offsets[1]}-`, `bytes=${offsets[2]}-`])
  })

  test('starts in the middle', async () => {
    const id = await cloud.uploadImageFast({ name: 'middle', file, diskFormat: 'raw' })
    assert.deepEqual(await download(glanceAs('demo'), id, 20_000_001), [{ offset: 20_000_001, status: 206 }])
  })

  test('refuses deactivated data, also as the administrator whom Glance would give it', async () => {
    const id = await cloud.uploadImageFast({ name: 'deactivated', file, diskFormat: 'raw' })
    const before = await glanceAs('demo').show(id)
    assert.ok(before)
    await cloud.deactivate(id)
    for (const user of ['demo', 'admin']) {
      const glance = glanceAs(user)
      assert.equal((await glance.show(id))?.status, 'deactivated')
      await assert.rejects(drain(glance.download(before)), { code: 'SHOAL_GLANCE_DEACTIVATED' })
    }
    assert.deepEqual(await cloud.imageReads(id), [])
    await cloud.reactivate(id)
    await download(glanceAs('demo'), id)
  })

  test('refuses an image that has no data yet', async () => {
    const id = await cloud.createImage({ name: 'queued', diskFormat: 'raw' })
    const image = await glanceAs('demo').show(id)
    assert.equal(image?.status, 'queued')
    await assert.rejects(drain(glanceAs('demo').download(image)), { code: 'SHOAL_GLANCE_NOT_READY' })
  })

  test('stops when the image is deleted between two requests', async () => {
    const id = await cloud.uploadImageFast({ name: 'deleted', file, diskFormat: 'raw' })
    const glance = glanceAs('demo')
    const image = await glance.show(id)
    assert.ok(image)
    await cloud.deleteImage(id)
    assert.equal(await glance.show(id), undefined)
    await assert.rejects(drain(glance.download(image)), { code: 'SHOAL_GLANCE_NOT_FOUND' })
  })

  test('does not see the private image of another project', async () => {
    const id = await cloud.uploadImageFast({ name: 'private', file, diskFormat: 'raw' }, 'other')
    const image = await glanceAs('other').show(id)
    assert.ok(image)
    assert.equal(await glanceAs('demo').show(id), undefined)
    await assert.rejects(drain(glanceAs('demo').download(image)), { code: 'SHOAL_GLANCE_NOT_FOUND' })
  })

  test('logs in again when its token is revoked', async () => {
    const id = await cloud.uploadImageFast({ name: 'revoked', file, diskFormat: 'raw' })
    const session = sessionOf({ OS_CLIENT_CONFIG_FILE: cloud.cloudsFile, OS_CLOUD: 'demo' })
    const glance = createGlanceClient({ ...deps(), session })
    opened.push(glance)
    const first = await session.token()
    assert.ok(first)
    // Glance has not seen this token yet; one that it has seen may pass for another 300 s.
    await keystone('DELETE', '/auth/tokens', await cloud.token(), { subject: first })
    await download(glance, id)
    assert.notEqual(await session.token(), first)
    await session.close()
    const fixed = glanceOf({ OS_AUTH_TYPE: 'admin_token', OS_ENDPOINT: cloud.glanceUrl, OS_TOKEN: first })
    await assert.rejects(fixed.show(id), { code: 'SHOAL_GLANCE_UNAUTHORIZED' })
  })

  test('never logs a password or token', async () => {
    const lines: string[] = []
    const write = (fields: unknown, message: string) => void lines.push(JSON.stringify([fields, message]))
    const logger: Logger = { debug: write, info: write, warn: write, error: write, child: () => logger }
    const id = await cloud.uploadImageFast({ name: 'quiet', file, diskFormat: 'raw' })
    await using proxy = await startCuttingProxy(cloud.glanceUrl)
    proxy.cut({ afterBytes: 1_000_000, how: 'end' })
    await download(glanceOf(environment({ OS_IMAGE_ENDPOINT_OVERRIDE: proxy.url }), logger), id)
    assert.ok(lines.length >= 2)
    assert.doesNotMatch(lines.join('\n'), /adminpw|gAAAA/)
  })
})

test('a second cloud on the same address says that the port is taken, and leaves the first alone', async () => {
  const host = new URL(cloud.glanceUrl).hostname
  const second = startOpenStack({ directory: join(directory, 'second'), host })
  await assert.rejects(second, /port (9292|5000) of 127\.[\d.]+ is taken/)
  await login(environment())
  await glanceAs('demo').show('c0ffee00-0000-4000-8000-000000000001')
})

describe('when a server goes away', () => {
  test('a download outlives a restart of Glance, and a Glance that stays away is named', async () => {
    const id = await cloud.uploadImageFast({ name: 'restart', file, diskFormat: 'raw' })
    const glance = glanceAs('demo')
    const image = await glance.show(id)
    assert.ok(image)
    const hash = createImageHash(image)
    let restarted = false
    for await (const chunk of glance.download(image)) {
      hash.update(chunk)
      if (restarted) continue
      restarted = true
      await cloud.stopGlance()
      await assert.rejects(glanceAs('demo').show(id), { code: 'SHOAL_GLANCE_UNREACHABLE' })
      await cloud.startGlance()
    }
    hash.verify()
    assert.deepEqual(
      (await cloud.imageReads(id)).map(({ status }) => status),
      [200, 206],
    )
  })
})

async function listOnce(glance: GlanceClient) {
  const images: string[] = []
  for await (const { id } of glance.list()) images.push(id)
  return { images }
}

async function drain(chunks: AsyncIterable<Buffer>): Promise<void> {
  for await (const _ of chunks);
}
