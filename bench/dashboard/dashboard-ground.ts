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

const MIB = 1024 ** 2
const URL_OF_SEED = 'http://127.88.0.1:7420'
const IMAGES_MIB = { 'debian-12': 48, 'debian-12-web': 24, 'ubuntu-24.04': 64 } as const

export interface DashboardGround {
  readonly seed: ServiceProcess
  readonly client: Client
  readonly token: string
  readonly layers: FleetOrder['layers']
  /** What the simulated nodes have waited for since this was asked last. Milliseconds. */
  latencies(): Promise<LatencyReport>
}

/** A seed with some images and many nodes that report as real ones do, each in a process of its own. */
export async function openGround(
  stack: AsyncDisposableStack,
  options: Pick<FleetOrder, 'nodes' | 'heartbeatMs' | 'fetchMs'> & {
    /** Whether nodes hold streams open and announce as well. Default: they only report. */
    readonly whole?: boolean
  },
): Promise<DashboardGround> {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-bench-dashboard-'))
  stack.defer(() => rm(directory, { recursive: true, force: true }))
  await mkdir(join(directory, 'images'))
  for (const [index, [name, sizeMib]] of Object.entries(IMAGES_MIB).entries()) {
    await writeRandomRaw(join(directory, 'images', `${name}.raw`), sizeMib * MIB, index + 1)
  }
  const host = new URL(URL_OF_SEED).hostname
  const seed = new ServiceProcess({
    ...{ name: 'seed', service: 'seed', directory, url: URL_OF_SEED },
    config: {
      stateDirectory: join(directory, 'seed'),
      listen: { host, port: 7420 },
      tls: { enabled: false },
      swarm: { host },
      library: { directory: join(directory, 'images'), pollIntervalMs: 1000 },
      nodes: { heartbeatIntervalMs: options.heartbeatMs },
    },
  })
  stack.defer(() => seed.end())
  await seed.start()
  const readToken = async (role: string) => (await readFile(join(directory, 'seed', `${role}.token`), 'utf8')).trim()
  const token = await readToken('operator')
  const client = createClient({ baseUrl: seed.url, token })
  const layers = await importAll(client)
  const fleet = fork(join(import.meta.dirname, 'fleet-process.ts'), { stdio: 'ignore' })
  stack.defer(async () => void fleet.kill())
  const { whole = false, ...rest } = options
  const [announceUrl] = (await client.status()).tracker.announceUrls.filter((url) => url.startsWith('http'))
  await command(fleet, {
    ...{ url: seed.url, token: await readToken('node'), ...rest, layers, bootsANode: 1 },
    ...(whole ? { streams: true, ...(announceUrl === undefined ? {} : { announceUrl }) } : {}),
  })
  const latencies = async () => {
    fleet.send('latencies')
    return ((await once(fleet, 'message')) as [LatencyReport])[0]
  }
  return { seed, client, token, layers, latencies }
}

async function importAll(client: Client): Promise<FleetOrder['layers']> {
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
