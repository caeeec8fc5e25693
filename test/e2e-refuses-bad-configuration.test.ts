import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startOpenStack } from '../infra/openstack/openstack.ts'
import { type Cluster, createCluster } from './harness/cluster.ts'
import { runShoal } from './harness/run-shoal.ts'
import { undoAfter } from './harness/undo.ts'
import { until } from './harness/until.ts'

const EXIT_CONFIGURATION = 2

async function makeDirectory(undo: { after(fn: () => Promise<unknown>): void }): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-start-'))
  undo.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

test('unknown configuration keys are all named, and nothing starts', { timeout: 60_000 }, async (t) => {
  const directory = await makeDirectory(undoAfter(t))
  const config = join(directory, 'seed.yaml')
  await writeFile(config, `stateDirectory: ${directory}/state\nlibary: {}\nlisten: { prot: 1 }\n`)
  const { code, stderr } = await runShoal(['seed', 'serve', '--config', config])
  assert.equal(code, EXIT_CONFIGURATION)
  for (const word of ['SHOAL_CONFIG_INVALID', 'libary', 'listen.prot']) assert.ok(stderr.includes(word), stderr)
})

test('a port in use is named, and what to do', { timeout: 60_000 }, async (t) => {
  const undo = undoAfter(t)
  const directory = await makeDirectory(undo)
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  undo.after(async () => taken.close())
  const { port } = taken.address() as { port: number }
  const flags = {
    stateDirectory: join(directory, 'state'),
    'library.directory': directory,
    'listen.port': String(port),
  }
  const free = { 'swarm.port': '0', 'tracker.port': '0', 'dht.port': '0' }
  const args = Object.entries({ ...flags, ...free }).flatMap(([name, value]) => [`--${name}`, value])
  const { code, stderr } = await runShoal(['seed', 'serve', ...args])
  assert.equal(code, 1, stderr)
  assert.match(stderr, /SHOAL_HTTP_PORT_IN_USE/)
  assert.ok(stderr.includes(String(port)), stderr)
})

test('wrong credentials for a real Keystone are told as such', { timeout: 120_000 }, async (t) => {
  const undo = undoAfter(t)
  const directory = await makeDirectory(undo)
  const openstack = await startOpenStack({ directory: join(directory, 'openstack') })
  undo.after(() => openstack.stop())
  const cluster = await createCluster(undo, {
    peers: 0,
    library: {},
    seedEnv: { ...openstack.env, OS_PASSWORD: 'not the password' },
  })
  // What is published already must go on being distributed, so this is told and not fatal.
  await cluster.startSeed()
  await libraryFails(cluster, 'SHOAL_KEYSTONE_CREDENTIALS')
})

test('a library that cannot be reached is told by event and status, and the seed goes on', {
  timeout: 60_000,
}, async (t) => {
  const undo = undoAfter(t)
  const cluster = await createCluster(undo, { peers: 0, library: { endpoint: 'http://127.0.0.1:9' } })
  await cluster.startSeed()
  await libraryFails(cluster, 'SHOAL_GLANCE_UNREACHABLE')
})

async function libraryFails(cluster: Cluster, code: string): Promise<void> {
  const event = await until('the event', async () => {
    const [first] = await cluster.events('library.unreachable')
    return first
  })
  assert.equal(event.details.code, code)
  assert.equal((await cluster.client.status()).library.reachable, false)
}
