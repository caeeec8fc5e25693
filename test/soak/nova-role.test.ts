import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { loadPeerConfig } from '@shoal/peer'
import { runInNova } from '../harness/run-in-nova.ts'

const run = promisify(execFile)
const ANSIBLE = '/usr/bin/ansible-playbook'
const skip = (!existsSync(ANSIBLE) && 'ansible-core is not installed') || (process.getuid?.() !== 0 && 'needs root')
const ansible = join(import.meta.dirname, '../../infra/nova/ansible')

/** What the role writes to: what it changes there lies in the test's own directory. */
const MOUNTS = ['/etc', '/opt'] as const
const DIRECTORIES = ['/etc/nova', '/etc/shoal', '/etc/systemd/system', '/opt', '/instances'] as const
/** Reads a part of nova.conf with Nova's own options, and the weigher's. */
const READ_CONF = `
import sys, json
import nova.conf
from nova import config
from shoal_weigher import options
options.register(nova.conf.CONF)
config.parse_args(['nova', '--config-file', sys.argv[1]], default_config_files=[], configure_db=False)
CONF = nova.conf.CONF
print(json.dumps([CONF.glance.endpoint_override, CONF.image_cache.remove_unused_base_images,
                  CONF.filter_scheduler.weight_classes, CONF.shoal.seed_url, CONF.shoal.weight_multiplier]))
`

interface Site {
  readonly path: (inside: string) => string
  /** Runs the role; how many things it changed. */
  play(...variables: string[]): Promise<number>
  /** Changes the version of everything; how many things that changed. */
  upgrade(...variables: string[]): Promise<number>
  /** Whether what was started says that it is ready. */
  setReady(isReady: boolean): void
  /** What was asked of systemd since the last time. */
  asked(): Promise<string[]>
}

/** A machine that is compute node and scheduler, as far as the role can tell: its directories are elsewhere, and systemd only takes notes. */
async function site(t: TestContext): Promise<Site> {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-role-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const path = (inside: string) => join(directory, 'root', inside)
  for (const inside of DIRECTORIES) await mkdir(path(inside), { recursive: true })
  for (const inside of MOUNTS) await mkdir(join(directory, 'work', inside), { recursive: true })
  // A peer that answers in Glance's place.
  let isReady = true
  const server = createServer(({ url }, response) => {
    response.writeHead(url !== '/readyz' ? 300 : isReady ? 200 : 503).end('{}')
  }).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  const notes = join(directory, 'notes')
  const shown = '#!/bin/sh\ncase "$*" in *show*) echo LoadState=loaded; echo ActiveState=active ;; esac\n'
  await writeFile(join(directory, 'systemctl'), `${shown}echo "$@" >>${notes}\n`, { mode: 0o755 })
  await writeFile(
    join(directory, 'inventory'),
    '[shoal-seed]\nlocalhost\n[nova-compute]\nlocalhost\n[nova-scheduler]\nlocalhost\n',
  )
  const layers = (inside: string) =>
    `lowerdir=${inside},upperdir=${path(inside)},workdir=${join(directory, 'work', inside)}`
  const binds = MOUNTS.map((inside) => `mount -t overlay overlay -o ${layers(inside)} ${inside}`)
  const enter = [
    'set -e',
    ...binds,
    `mount --bind ${join(directory, 'systemctl')} $(command -v systemctl)`,
    'exec "$@"',
  ]
  const settings = {
    shoal_nova_glance_port: String(port),
    shoal_nova_instances_path: path('/instances'),
    ...{ shoal_nova_user: 'root', shoal_nova_group: 'root' },
    shoal_nova_token_file: '/dev/null',
    // What pip would do is seen without it.
    shoal_nova_python: '/bin/true',
    shoal_seed_ready_url: `http://127.0.0.1:${port}/readyz`,
    shoal_peer_ready_url: `http://127.0.0.1:${port}/readyz`,
  }
  const playbook = (name: string) => {
    return async (...variables: string[]) => {
      const extra = Object.entries(settings).map(([name, value]) => `${name}=${value}`)
      const argv = ['-i', join(directory, 'inventory'), '-c', 'local', join(ansible, name)]
      for (const variable of [...extra, ...variables]) argv.push('-e', variable)
      const command = ['--mount', '--propagation', 'private', 'sh', '-c', enter.join('\n'), 'sh', ANSIBLE, ...argv]
      const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: directory, LC_ALL: 'C.UTF-8', ANSIBLE_NOCOLOR: '1' }
      const { stdout } = await run('unshare', command, { env, timeout: 300_000, maxBuffer: 4 * 1024 * 1024 })
      const [, changed = ''] = /^localhost .*changed=([0-9]+) .*failed=0/m.exec(stdout) ?? []
      assert.notEqual(changed, '', stdout)
      return Number(changed)
    }
  }
  return {
    path,
    play: playbook('nova-through-shoal.yml'),
    upgrade: playbook('upgrade.yml'),
    setReady: (next) => {
      isReady = next
    },
    asked: async () => {
      const lines = (await readFile(notes, 'utf8').catch(() => '')).split('\n')
      await rm(notes, { force: true })
      return lines.filter((line) => /^(restart|daemon-reload)/.test(line))
    },
  }
}

async function novaConf(path: string): Promise<unknown[]> {
  const weigher = join(import.meta.dirname, '../../infra/nova/shoal_weigher')
  const { stdout } = await runInNova(['-c', READ_CONF, path], { env: { PYTHONPATH: weigher } })
  return JSON.parse(stdout) as unknown[]
}

/** A file of the form of systemd's EnvironmentFile. */
async function environment(path: string): Promise<Record<string, string>> {
  const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]))
}

test('the role sets Nova up to go through Shoal, says so once, and takes all of it back by one switch', {
  skip,
  timeout: 900_000,
}, async (t) => {
  const { path, play, asked } = await site(t)
  assert.ok((await play()) > 0)
  // The peer is ready before Nova is pointed at it.
  const first = await asked()
  assert.ok(first.indexOf('restart shoal-peer') < first.indexOf('restart nova-compute'), first.join('; '))
  assert.ok(first.includes('restart nova-scheduler'))
  const env = await environment(path('/etc/shoal/peer.env'))
  const config = loadPeerConfig({ env: { ...env, SHOAL_PEER_SEED_URL: 'http://seed:7420' } })
  assert.equal(config.glance.url, 'http://glance.example.org:9292')
  const { enabled, instancesPath, format, eviction } = config.novaCache
  assert.deepEqual([enabled, instancesPath, format, eviction], [true, path('/instances'), 'raw', 'own'])
  for (const name of ['_base', 'locks']) assert.equal((await stat(path(`/instances/${name}`))).mode & 0o7777, 0o2775)
  const compute = await novaConf(path('/etc/nova/nova.conf.d/shoal-compute.conf'))
  assert.deepEqual(compute.slice(0, 2), [`http://127.0.0.1:${config.glance.port}`, false])
  const scheduler = await novaConf(path('/etc/nova/nova.conf.d/shoal-scheduler.conf'))
  const weighers = ['nova.scheduler.weights.all_weighers', 'shoal_weigher.ShoalWeigher']
  assert.deepEqual(scheduler.slice(2), [weighers, 'http://seed.example.org:7420', 2.5])

  assert.equal(await play(), 0)
  assert.deepEqual(await asked(), [])

  assert.ok((await play('shoal_nova_enabled=false')) > 0)
  const last = await asked()
  assert.ok(last.indexOf('restart nova-compute') < last.indexOf('restart shoal-peer'), last.join('; '))
  assert.deepEqual(await readdir(path('/etc/nova/nova.conf.d')), [])
  const off = await environment(path('/etc/shoal/peer.env'))
  const plain = loadPeerConfig({ env: { ...off, SHOAL_PEER_SEED_URL: 'http://seed:7420' } })
  assert.deepEqual([plain.novaCache.enabled, plain.glance.url], [false, null])
})

test('another version goes to the seed and then to peers, is kept beside the one before, and stops where one is not ready', {
  skip,
  timeout: 900_000,
}, async (t) => {
  const { path, upgrade, asked, setReady } = await site(t)
  const repository = await mkdtemp(join(tmpdir(), 'shoal-versions-'))
  t.after(() => rm(repository, { recursive: true, force: true }))
  await mkdir(join(repository, 'infra'))
  await writeFile(join(repository, 'infra/setup.sh'), 'mkdir node_modules && touch node_modules/.package-lock.json\n')
  const git = (...args: string[]) =>
    run('git', ['-C', repository, '-c', 'user.name=t', '-c', 'user.email=t@localhost', ...args])
  await git('init', '--quiet')
  await git('add', '.')
  for (const version of ['v1', 'v2']) {
    await git('commit', '--quiet', '--allow-empty', '-m', version)
    await git('tag', version)
  }
  const to = (version: string, ...more: string[]) =>
    upgrade(`shoal_repository=${repository}`, `shoal_version=${version}`, ...more)
  const runs = async () => await readlink(path('/opt/shoal'))

  assert.ok((await to('v1')) > 0)
  assert.equal(await runs(), 'shoal-v1')
  assert.deepEqual(await asked(), ['restart shoal-seed', 'restart shoal-peer'])
  assert.equal(await to('v1'), 0)
  assert.deepEqual(await asked(), [])

  setReady(false)
  await assert.rejects(to('v2', 'shoal_ready_tries=1'), { stdout: /Wait until it is ready\].*\n(.*\n)*fatal: / })
  assert.deepEqual(await asked(), ['restart shoal-seed'])
  setReady(true)
  await to('v1')
  assert.deepEqual([await runs(), await asked()], ['shoal-v1', ['restart shoal-seed']])
})

test('what stands in infra/nova/config is accepted by the peer, by Nova and by the weigher', {
  timeout: 600_000,
}, async () => {
  const folder = join(import.meta.dirname, '../../infra/nova/config')
  const env = { SHOAL_PEER_SEED_URL: 'http://seed:7420' }
  const config = loadPeerConfig({ file: join(folder, 'peer.yaml'), env })
  assert.deepEqual([config.novaCache.enabled, config.glance.port], [true, 7422])
  assert.deepEqual((await novaConf(join(folder, 'nova-compute.conf'))).slice(0, 2), ['http://127.0.0.1:7422', false])
  assert.equal((await novaConf(join(folder, 'nova-scheduler.conf')))[3], 'http://seed.example.org:7420')
})
