import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { createClient } from '@shoal/api'
import { silentLogger } from '@shoal/core'
import { loadSeedConfig, type Seed, startSeed } from '@shoal/seed'
import { EXIT } from '../../src/exit-code.ts'
import { main } from '../../src/main.ts'
import { runCli } from '../run-cli.ts'

/** A real seed without images, and two nodes that registered. */
async function startFleet(t: { after(fn: () => Promise<void>): void }): Promise<{ seed: Seed; access: string[] }> {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-top-'))
  const library = join(directory, 'library')
  await mkdir(library)
  const ports = Object.fromEntries(['listen', 'swarm', 'tracker', 'dht'].map((part) => [`${part}.port`, '0']))
  const flags = {
    ...ports,
    'tls.enabled': 'false',
    stateDirectory: join(directory, 'seed'),
    'library.directory': library,
  }
  const seed = await startSeed(loadSeedConfig({ env: {}, flags }), { logger: silentLogger, env: {} })
  t.after(async () => {
    await seed.stop()
    await rm(directory, { recursive: true, force: true })
  })
  for (const node of ['n1', 'n2']) await register(seed, node)
  return { seed, access: ['--seed', seed.url, '--token', seed.operatorToken] }
}

async function register(seed: Seed, node: string): Promise<void> {
  const place = { zone: 'z1', rack: 'r1', dhtAddress: null, apiUrl: null, capacityBytes: 1000, version: '1' }
  const body = { swarmAddress: '127.0.0.1:9', swarmPeerId: Buffer.from(node.padEnd(20)).toString('hex'), ...place }
  await createClient({ baseUrl: seed.url, token: seed.nodeToken }).registerNode({ params: { node }, body })
}

/** A terminal that a person sits at: what is on its screen, and keys to press. */
function startTop(argv: readonly string[]) {
  const stdout = Object.assign(new PassThrough({ encoding: 'utf8' }), { columns: 100, rows: 30 })
  const stderr = new PassThrough({ encoding: 'utf8' })
  const pressed = new PassThrough({ encoding: 'utf8' })
  const keys = async function* (signal: AbortSignal) {
    signal.addEventListener('abort', () => pressed.end())
    yield* pressed as AsyncIterable<string>
  }
  const terminal = { env: {}, cwd: '/', stdout, stderr, isInteractive: true, columns: 100, isScreen: true, keys }
  const interruption = { signal: new AbortController().signal, exitCode: EXIT.interrupted, listen: () => {} }
  const code = main(['top', ...argv], { terminal, interruption })
  let written = ''
  stdout.on('data', (text: string) => {
    written += text
  })
  /** Waits until the last picture fits; `written` begins anew then. */
  const shows = async (pattern: RegExp) => {
    while (!pattern.test(written)) await new Promise((resolve) => stdout.once('data', resolve))
    const seen = written
    written = ''
    return seen
  }
  return { code, shows, press: (key: string) => pressed.write(key), stderr }
}

test('it is drawn over and over as the fleet changes, sorted by the key s and ended by the key q', {
  timeout: 60_000,
}, async (t) => {
  const { seed, access } = await startFleet(t)
  const { code, shows, press } = startTop(access)
  const first = await shows(/\nn2 +unreachable/)
  assert.ok(first.startsWith('\u001b[?1049h\u001b[?25l'))
  assert.match(first, /nodes by trouble/)
  assert.match(first, /nodes +0 ready, 2 unreachable, 0 lost/)
  press('\u001b[A')
  press('s')
  await shows(/nodes by rate/)
  await register(seed, 'n3')
  await shows(/\nn3 +unreachable/)
  press('q')
  assert.equal(await code, EXIT.ok)
  assert.ok((await shows(/1049l/)).endsWith('\u001b[?25h\u001b[?1049l'))
})

test('Ctrl-C, which is a key to a terminal that is read key by key, ends it as an interruption', {
  timeout: 60_000,
}, async (t) => {
  const { access } = await startFleet(t)
  const { code, shows, press } = startTop(access)
  await shows(/\nn1 /)
  press('\u0003')
  assert.equal(await code, EXIT.interrupted)
})

test('without a screen it prints once, as text or as JSON', { timeout: 60_000 }, async (t) => {
  const { access } = await startFleet(t)
  const { code, stdout } = await runCli(['top', ...access])
  assert.equal(code, EXIT.ok)
  assert.match(stdout, /^health +The swarm is /)
  assert.match(stdout, /\nn1 +unreachable/)
  assert.ok(!stdout.includes('\u001b'))
  const { overview, nodes } = JSON.parse((await runCli(['top', '--json', '--sort', 'name', ...access])).stdout)
  assert.equal(overview.nodes.unreachable, 2)
  assert.deepEqual(
    nodes.map(({ id }: { id: string }) => id),
    ['n1', 'n2'],
  )
  const status = await runCli(['status', ...access])
  assert.match(status.stdout, /nodes +0 ready, 2 unreachable, 0 lost; 0 fetching, 2 in trouble/)
})

test('a seed that does not answer, or refuses the token, ends it and leaves the terminal as it was', {
  timeout: 60_000,
}, async (t) => {
  const { seed } = await startFleet(t)
  const refused = startTop(['--seed', seed.url, '--token', 'wrong'])
  assert.equal(await refused.code, EXIT.unauthorised)
  await refused.shows(/1049l$/)
  const silent = startTop(['--seed', 'http://127.0.0.1:1'])
  assert.equal(await silent.code, EXIT.unreachable)
  await silent.shows(/1049l$/)
})
