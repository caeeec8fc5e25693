import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { accessSync } from 'node:fs'
import { readFile, truncate, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { silentLogger } from '@shoal/core'
import { createLibrary, type LibraryDeps, type LibraryOptions } from '../src/index.ts'
import { imageDirectory, someBytes } from './image-directory.ts'

const GLANCE_CLIENT = '/usr/bin/glance'
const image = someBytes(1_500_000)

async function serve(
  t: TestContext,
  files: Record<string, Uint8Array | object>,
  options: Partial<LibraryOptions> = {},
  deps: Partial<LibraryDeps> = {},
) {
  const directory = await imageDirectory(t, files)
  const library = createLibrary({ logger: silentLogger, ...deps }, { directory, ...options })
  t.after(() => library.stop())
  return { directory, library, endpoint: await library.start() }
}

async function listed(endpoint: string): Promise<Record<string, unknown>[]> {
  const response = await fetch(`${endpoint}/v2/images`)
  return ((await response.json()) as { images: Record<string, unknown>[] }).images
}

async function idOfOnly(endpoint: string): Promise<string> {
  return String((await listed(endpoint))[0]?.id)
}

test('an image shows the attributes that Glance shows', async (t) => {
  const sidecar = { name: 'Debian 12', tags: ['gold'], visibility: 'private', properties: { os_distro: 'debian' } }
  const { endpoint } = await serve(t, { 'debian.raw': image, 'debian.json': sidecar })
  const response = await fetch(`${endpoint}/v2/images/${await idOfOnly(endpoint)}`)
  const { id, created_at, updated_at, self, file, ...shown } = (await response.json()) as Record<string, unknown>
  assert.equal(self, `/v2/images/${id}`)
  assert.equal(file, `/v2/images/${id}/file`)
  assert.match(String(created_at), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  assert.equal(created_at, updated_at)
  assert.deepEqual(shown, {
    name: 'Debian 12',
    status: 'active',
    visibility: 'private',
    disk_format: 'raw',
    container_format: 'bare',
    size: image.length,
    virtual_size: image.length,
    checksum: createHash('md5').update(image).digest('hex'),
    os_hash_algo: 'sha512',
    os_hash_value: createHash('sha512').update(image).digest('hex'),
    min_disk: 0,
    min_ram: 0,
    owner: null,
    protected: false,
    os_hidden: false,
    os_distro: 'debian',
    tags: ['gold'],
    schema: '/v2/schemas/image',
  })
})

test('the whole file and a part of it arrive with the headers of Glance', async (t) => {
  const { endpoint } = await serve(t, { 'a.raw': image })
  const url = `${endpoint}/v2/images/${await idOfOnly(endpoint)}/file`
  const whole = await fetch(url)
  assert.equal(whole.status, 200)
  assert.equal(whole.headers.get('content-length'), String(image.length))
  assert.equal(whole.headers.get('content-md5'), createHash('md5').update(image).digest('hex'))
  assert.ok(image.equals(Buffer.from(await whole.arrayBuffer())))

  const rest = await fetch(url, { headers: { range: 'bytes=1048576-' } })
  assert.equal(rest.status, 206)
  assert.equal(rest.headers.get('content-range'), `bytes 1048576-${image.length - 1}/${image.length}`)
  assert.ok(image.subarray(1_048_576).equals(Buffer.from(await rest.arrayBuffer())))
})

test('ranges that Glance refuses are refused with its status', async (t) => {
  const { endpoint } = await serve(t, { 'a.raw': image })
  const url = `${endpoint}/v2/images/${await idOfOnly(endpoint)}/file`
  assert.equal((await fetch(url, { headers: { range: `bytes=${image.length}-` } })).status, 416)
  assert.equal((await fetch(url, { headers: { range: 'bytes=0-1,5-6' } })).status, 400)
})

test('methods other than GET answer 405, an unknown image and an unknown path 404', async (t) => {
  const { endpoint } = await serve(t, { 'a.raw': image })
  const id = await idOfOnly(endpoint)
  const head = await fetch(`${endpoint}/v2/images/${id}/file`, { method: 'HEAD' })
  assert.deepEqual([head.status, head.headers.get('allow')], [405, 'GET'])
  const headers = { 'content-type': 'application/octet-stream' }
  assert.equal((await fetch(`${endpoint}/v2/images/${id}/file`, { method: 'PUT', headers, body: 'x' })).status, 405)
  assert.equal((await fetch(`${endpoint}/v2/images/00000000-0000-4000-8000-000000000000`)).status, 404)
  assert.equal((await fetch(`${endpoint}/v2/volumes`)).status, 404)
  assert.equal((await fetch(`${endpoint}/v2/images?limit=x`)).status, 400)
})

test('a deactivated image is listed but its file is forbidden; a queued one has no bytes', async (t) => {
  const { endpoint } = await serve(t, {
    'off.raw': image,
    'off.json': { status: 'deactivated' },
    'soon.raw': image,
    'soon.json': { status: 'queued' },
  })
  const images = await listed(endpoint)
  const [off, soon] = ['off', 'soon'].map((name) => images.find((each) => each.name === name))
  assert.equal((await fetch(`${endpoint}${off?.file}`)).status, 403)
  assert.equal(off?.size, image.length)
  assert.equal((await fetch(`${endpoint}${soon?.file}`)).status, 204)
  assert.deepEqual([soon?.size, soon?.os_hash_value], [null, null])
})

test('files that come and go are seen by the next listing', async (t) => {
  const { endpoint, directory } = await serve(t, {})
  assert.deepEqual(await listed(endpoint), [])
  await writeFile(join(directory, 'late.raw'), image)
  assert.equal((await listed(endpoint))[0]?.name, 'late')
})

test('a file cut short while it is sent breaks the download instead of leaving it waiting', async (t) => {
  const large = Buffer.alloc(64 * 1024 * 1024)
  const { endpoint, directory } = await serve(t, { 'a.raw': large })
  const response = await fetch(`${endpoint}/v2/images/${await idOfOnly(endpoint)}/file`)
  await truncate(join(directory, 'a.raw'), 40 * 1024 * 1024)
  await assert.rejects(response.arrayBuffer())
})

test('with a token, only who carries it gets further than the health check, and others are told in the log', async (t) => {
  const refused: unknown[] = []
  const logger = { ...silentLogger, warn: (facts: object) => void refused.push(facts), child: () => logger }
  const { endpoint } = await serve(t, { 'a.raw': image }, { token: 'secret' }, { logger })
  const status = async (method: string, path: string, headers: Record<string, string> = {}) =>
    (await fetch(`${endpoint}${path}`, { method, headers })).status
  const id = '00000000-0000-4000-8000-000000000001'
  const paths = ['/v2/images', `/v2/images/${id}`, `/v2/images/${id}/file`, '/v2/schemas/image', '/v2/schemas/images']
  for (const path of paths) {
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
      assert.equal(await status(method, path), 401, path)
      assert.equal(await status(method, path, { 'x-auth-token': 'secre' }), 401, path)
      const allowed = await status(method, path, { 'x-auth-token': 'secret' })
      assert.equal(allowed, method !== 'GET' ? 405 : path.includes(id) ? 404 : 200, path)
    }
  }
  assert.equal(await status('GET', '/healthcheck'), 200)
  assert.equal(refused.length, paths.length * 10)
  assert.deepEqual(refused[0], { method: 'GET', url: '/v2/images', address: '127.0.0.1' })
  for (const name of ['..%2f..%2fetc%2fpasswd', '%2e%2e', 'a%00', '..%5c', '%252e%252e%252f']) {
    assert.equal(await status('GET', `/v2/images/${name}/file`, { 'x-auth-token': 'secret' }), 404, name)
  }
})

test('connections that say nothing leave places to others, and are told', async (t) => {
  const told: (string | undefined)[] = []
  const onFlood = (address: string | undefined) => void told.push(address)
  const { endpoint } = await serve(t, { 'a.raw': image }, {}, { onFlood })
  const { port } = new URL(endpoint)
  const idle = Array.from({ length: 200 }, () => connect({ port: Number(port), localAddress: '127.68.0.9' }))
  t.after(() => {
    for (const socket of idle) socket.destroy()
  })
  for (const socket of idle) socket.on('error', () => {}).resume()
  await Promise.all(idle.map((socket) => once(socket, 'connect')))
  assert.equal((await fetch(`${endpoint}/v2/images`)).status, 200)
  assert.ok(told.length >= 72, `${told.length} were turned away`)
  assert.deepEqual([...new Set(told)], ['127.68.0.9'])
})

test('a port in use and an address of another machine each have their code', async (t) => {
  const directory = await imageDirectory(t)
  const holder = createServer()
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve))
  t.after(() => holder.close())
  const { port } = holder.address() as { port: number }
  const open = (options: Partial<LibraryOptions>) =>
    createLibrary({ logger: silentLogger }, { directory, ...options }).start()
  await assert.rejects(open({ port }), { code: 'SHOAL_LIBRARY_PORT_IN_USE' })
  await assert.rejects(open({ host: '198.51.100.7', token: 'secret' }), { code: 'SHOAL_LIBRARY_ADDRESS' })
  await assert.rejects(open({ host: '198.51.100.7', isOpen: true }), { code: 'SHOAL_LIBRARY_ADDRESS' })
  for (const host of ['0.0.0.0', '::', '198.51.100.7', 'example.org']) {
    await assert.rejects(open({ host }), { code: 'SHOAL_LIBRARY_OPEN' }, host)
  }
})

test('a directory that is not there stops the start with its code', async () => {
  const library = createLibrary({ logger: silentLogger }, { directory: '/nonexistent/images' })
  await assert.rejects(library.start(), { code: 'SHOAL_LIBRARY_DIRECTORY' })
})

test('start and stop may be repeated, and a stopped library starts again', async (t) => {
  const { library, endpoint } = await serve(t, { 'a.raw': image })
  assert.equal(await library.start(), endpoint)
  await library.stop()
  await library.stop()
  assert.equal((await listed(await library.start())).length, 1)
})

function hasGlanceClient(): boolean {
  try {
    accessSync(GLANCE_CLIENT)
    return true
  } catch {
    return false
  }
}

test("OpenStack's own client lists and downloads", { skip: !hasGlanceClient() && 'no glance client' }, async (t) => {
  const { endpoint, directory } = await serve(t, { 'a.raw': image }, { token: 'secret' })
  const glance = async (...args: string[]) => {
    const access = ['--os-image-url', endpoint, '--os-auth-token', 'secret']
    const env = { PATH: '/usr/bin:/bin', HOME: directory, no_proxy: '127.0.0.1' }
    // Debian's interpreter by name: another python3 may come first on the PATH.
    return (await promisify(execFile)('/usr/bin/python3', [GLANCE_CLIENT, ...access, ...args], { env })).stdout
  }
  const id = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(await glance('image-list'))?.[0]
  assert.ok(id !== undefined)
  const copy = join(directory, 'copy')
  await glance('image-download', '--file', copy, id)
  assert.ok(image.equals(await readFile(copy)))
})
