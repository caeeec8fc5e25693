import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Client, createClient } from '@shoal/api'
import { ServiceProcess } from '../../test/harness/service-process.ts'
import { writeRandomRaw } from '../../test/harness/test-images.ts'
import { until } from '../../test/harness/until.ts'
import type { FleetOrder } from './fleet-process.ts'
import type { LatencyReport } from './latencies.ts'
import type { SimulatedLayer } from './made-up-inventory.ts'

const MIB = 1024 ** 2
const PORT = 7420
const HOST = '127.88.0.1'
const IMAGES_MIB = { 'debian-12': 48, 'debian-12-web': 24, 'ubuntu-24.04': 64 } as const

/** A seed that holds some images. */
export interface SeedGround {
  readonly seed: ServiceProcess
  readonly client: Client
  /** An operator's. */
  readonly token: string
  /** What nodes send where they are known by a token. */
  readonly nodeToken: string
  readonly stateDirectory: string
  readonly layers: readonly SimulatedLayer[]
}

export interface DashboardGround extends SeedGround {
  /** What the simulated nodes have waited for since this was asked last. Milliseconds. */
  latencies(): Promise<LatencyReport>
}

/** A seed with some images and many nodes that report as real ones do, each in a process of its own. */
export async function openGround(
  stack: AsyncDisposableStack,
  options: Pick<FleetOrder, 'nodes' | 'heartbeatMs' | 'fetchMs'>,
): Promise<DashboardGround> {
  const ground = await openSeed(stack, {
    host: HOST,
    heartbeatMs: options.heartbeatMs,
    settings: { tls: { enabled: false } },
  })
  const fleet = fork(join(import.meta.dirname, 'fleet-process.ts'), { stdio: 'ignore' })
  stack.defer(async () => void fleet.kill())
  const { seed, nodeToken: token, layers } = ground
  await command(fleet, { url: seed.url, token, ...options, layers, bootsANode: 1 })
  const latencies = async () => {
    fleet.send('latencies')
    return ((await once(fleet, 'message')) as [LatencyReport])[0]
  }
  return { ...ground, latencies }
}

/** A seed alone, at an address of this machine that nobody else uses. */
export async function openSeed(
  stack: AsyncDisposableStack,
  options: {
    readonly host: string
    readonly heartbeatMs: number
    readonly settings: object
    readonly env?: NodeJS.ProcessEnv
  },
): Promise<SeedGround> {
  const { host, heartbeatMs, settings, env } = options
  const directory = await mkdtemp(join(tmpdir(), 'shoal-bench-seed-'))
  stack.defer(() => rm(directory, { recursive: true, force: true }))
  await mkdir(join(directory, 'images'))
  for (const [index, [name, sizeMib]] of Object.entries(IMAGES_MIB).entries()) {
    await writeRandomRaw(join(directory, 'images', `${name}.raw`), sizeMib * MIB, index + 1)
  }
  const stateDirectory = join(directory, 'seed')
  const seed = new ServiceProcess({
    ...{ name: 'seed', service: 'seed', directory, url: `http://${host}:${PORT}`, env },
    config: {
      stateDirectory,
      listen: { host, port: PORT },
      swarm: { host },
      library: { directory: join(directory, 'images'), pollIntervalMs: 1000 },
      nodes: { heartbeatIntervalMs: heartbeatMs },
      ...settings,
    },
  })
  stack.defer(() => seed.end())
  await seed.start()
  const readToken = async (role: string) => (await readFile(join(stateDirectory, `${role}.token`), 'utf8')).trim()
  const token = await readToken('operator')
  const client = createClient({ baseUrl: seed.url, token })
  return { seed, client, token, nodeToken: await readToken('node'), stateDirectory, layers: await importAll(client) }
}

async function importAll(client: Client): Promise<SimulatedLayer[]> {
  const count = Object.keys(IMAGES_MIB).length
  const images = await until('the library is known', async () => {
    const known = (await client.listImages()).images
    return known.length === count ? known : undefined
  })
  for (const { id } of images) await client.importImage({ params: { image: id } })
  const layers = await until('the images are imported', async () => {
    const made = (await client.listLayers()).layers
    return made.length === count ? made : undefined
  })
  return layers.map(({ digest, infoHash, sizeBytes, blockLengthBytes }) => {
    return { digest, infoHash, sizeBytes, blocks: Math.ceil(sizeBytes / blockLengthBytes) }
  })
}

function command(fleet: ChildProcess, order: FleetOrder): Promise<void> {
  return new Promise((resolve, reject) => {
    fleet.once('message', () => resolve())
    fleet.once('exit', (code) => reject(new Error(`the simulated nodes ended with ${code}`)))
    fleet.send(order)
  })
}
