import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { createClient } from '@shoal/api'
import { silentLogger } from '@shoal/core'
import { createLibrary } from '@shoal/library'
import { type Undo, undoAfter } from '../harness/undo.ts'
import { until } from '../harness/until.ts'

const run = promisify(execFile)
const KOLLA = join(import.meta.dirname, '../../infra/nova/kolla')
const BUILD = join(import.meta.dirname, '../harness/kolla/build.sh')
const TOOLS = ['buildah', 'mmdebstrap']
const missing = TOOLS.filter((tool) => !existsSync(`/usr/bin/${tool}`))
const skip =
  (missing.length > 0 &&
    `apt-get install ${missing.join(' ')} python3-jinja2: no container images can be built here`) ||
  (process.getuid?.() !== 0 && 'needs root')
const STEP_MS = 120_000
const [SEED_PORT, PEER_PORT, NODES_PORT] = [17_420, 17_421, 17_423]
/** Loads Nova's weighers and ours as nova-scheduler does. */
const LOAD_WEIGHER = `
from nova.scheduler import weights
names = ['nova.scheduler.weights.all_weighers', 'shoal_weigher.ShoalWeigher']
print(sorted(cls.__name__ for cls in weights.HostWeightHandler().get_matching_classes(names)))
`

/** Starts what config.json of an image says, with files that lie where Kolla mounts them. */
class Containers {
  readonly #options: readonly string[]
  readonly #work: string
  readonly #undo: Undo

  constructor(undo: Undo, { options, work }: { options: readonly string[]; work: string }) {
    this.#undo = undo
    this.#options = options
    this.#work = work
  }

  async create(image: string, files: Readonly<Record<string, string>>): Promise<string> {
    const config = join(this.#work, `${image}-config`)
    await mkdir(config, { recursive: true })
    await copyFile(join(KOLLA, 'config', `${image}.json`), join(config, 'config.json')).catch(() => undefined)
    for (const [name, text] of Object.entries(files)) await writeFile(join(config, name), text)
    return (await this.#buildah('from', `localhost/shoal-test/${image}:latest`)).trim()
  }

  /** Runs a command in a container to its end; what it printed. */
  async run(container: string, user: string, ...command: string[]): Promise<string> {
    return await this.#buildah(...this.#runArgs(container, user), ...command)
  }

  /** As Kolla's start: files are put where they belong as root, then the image's own user runs the service. */
  async start(container: string): Promise<void> {
    const config = join(this.#work, `${container.replace('-working-container', '')}-config`)
    const mount = ['--volume', `${config}:/var/lib/kolla/config_files:ro`]
    await this.#buildah('run', '--isolation', 'chroot', '--user', 'root', ...mount, container, 'kolla_set_configs')
    const start = ['sh', '-c', 'exec $(cat /run_command)']
    const child = spawn('buildah', [...this.#options, ...this.#runArgs(container, 'shoal'), ...start], {
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    const ended = new Promise((resolve) => child.once('exit', resolve))
    this.#undo.after(async () => {
      child.kill('SIGTERM')
      await ended
    })
  }

  #runArgs(container: string, user: string): string[] {
    return ['run', '--isolation', 'chroot', '--user', user, container]
  }

  async #buildah(...args: string[]): Promise<string> {
    return (await run('buildah', [...this.#options, ...args], { maxBuffer: 16 * 1024 * 1024 })).stdout
  }
}

test("images in Kolla's style are built; seed and peer start in them, and the scheduler's has the weigher", {
  skip,
  timeout: 3_600_000,
}, async (t) => {
  const undo = undoAfter(t)
  const work = await mkdtemp(join(tmpdir(), 'shoal-kolla-'))
  undo.after(() => rm(work, { recursive: true, force: true }))
  const { stdout } = await run('sh', [BUILD, work], { maxBuffer: 16 * 1024 * 1024 })
  const options = (stdout.trim().split('\n').at(-1) ?? '').split(' ')
  const containers = new Containers(undo, { options, work })
  const images = join(work, 'library')
  await mkdir(images)
  const library = createLibrary({ logger: silentLogger }, { directory: images })
  const endpoint = await library.start()
  undo.after(() => library.stop())

  const seed = await containers.create('shoal-seed', {
    'seed.yaml': `library: { cloud: null, endpoint: '${endpoint}' }\nlisten: { host: 127.0.0.1, port: ${SEED_PORT} }\ntls: { port: ${NODES_PORT} }\nswarm: { port: 0 }\ntracker: { port: 0 }\ndht: { port: 0 }\n`,
    'clouds.yaml': 'clouds: {}\n',
  })
  assert.match(await containers.run(seed, 'shoal', 'shoal', '--version'), /^[0-9]+\.[0-9]+\.[0-9]+/)
  await containers.start(seed)
  const isReady = async (port: number) => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok
  await until('the seed is ready', () => isReady(SEED_PORT), { timeoutMs: STEP_MS, everyMs: 500 })
  const page = await fetch(`http://127.0.0.1:${SEED_PORT}/`)
  assert.match(await page.text(), /<script type="module"/)

  const operator = await containers.run(seed, 'shoal', 'cat', '/var/lib/shoal-seed/operator.token')
  const client = createClient({ baseUrl: `http://127.0.0.1:${SEED_PORT}`, token: operator.trim() })
  const { token } = await client.createJoinToken({ body: { node: 'compute-1' } })
  const peer = await containers.create('shoal-peer', {
    'peer.yaml': `node: compute-1\nseed: { url: 'https://127.0.0.1:${NODES_PORT}' }\ncredential: { joinTokenFile: /etc/shoal/join.token }\nstateDirectory: /var/lib/shoal-peer\napi: { port: ${PEER_PORT} }\nswarm: { host: 127.0.0.1, port: 0 }\ndht: { port: 0 }\n`,
    'join.token': `${token}\n`,
  })
  assert.match(await containers.run(peer, 'shoal', 'id', '-Gn'), /\bnova\b/)
  await containers.start(peer)
  await until('the peer is ready', () => isReady(PEER_PORT), { timeoutMs: STEP_MS, everyMs: 500 })

  const scheduler = await containers.create('nova-scheduler', {})
  const loaded = await containers.run(scheduler, 'nova', 'python3', '-c', LOAD_WEIGHER)
  assert.match(loaded, /'RAMWeigher'.*'ShoalWeigher'/)
})
