import { randomInt } from 'node:crypto'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Client, createClient, type Image, type Layer } from '@shoal/api'
import { ServiceProcess } from '../../test/harness/service-process.ts'
import { until } from '../../test/harness/until.ts'
import { atExit } from '../engines/at-exit.ts'
import { fileSha256 } from '../transfer/file-sha256.ts'
import { peerSettings, seedSettings } from './fleet-settings.ts'
import type { PrefetchGround } from './prefetch-ground.ts'

const TIMEOUT_MS = 180_000
const POLL_MS = 200
const API_PORT = 7420
const PEER_API_PORT = 7470
/** More would make each of them start so slowly that it looks as if it did not. */
const STARTED_AT_ONCE = 4
const WARM_UP_BYTES = 8 * 1024 ** 2

/** The seed and a peer on every node of a lab, as `shoal seed serve` and `shoal peer serve` run them. */
export interface PrefetchFleet extends AsyncDisposable {
  readonly client: Client
  readonly nodes: readonly string[]
  /** Puts a new image into the library; resolves with its id when the seed knows it. */
  addImage(name: string, sizeBytes?: number): Promise<string>
  /** Has the seed import it, without a limit on reading, and tells the layer. */
  importImage(image: string): Promise<Layer>
  /** Takes an image out of the library: seed and nodes drop its layer within seconds. */
  removeImage(name: string): Promise<void>
  /** Rejects unless every node has all of a layer, by its SHA-256. */
  check(layer: string): Promise<void>
}

/** Starts them, and moves a small image once, so that they have run before, as daemons that live for months have. */
export async function openPrefetchFleet(ground: PrefetchGround): Promise<PrefetchFleet> {
  await using stack = new AsyncDisposableStack()
  const directory = join(ground.directory, `fleet-${randomInt(1e9)}`)
  await mkdir(directory)
  stack.defer(() => rm(directory, { recursive: true, force: true }))
  const services: ServiceProcess[] = []
  const forget = atExit(() => {
    for (const { pid, isRunning } of services) if (isRunning) process.kill(pid, 'SIGKILL')
  })
  stack.defer(async () => {
    await Promise.all(services.map((service) => service.end()))
    forget()
  })
  const start = async (name: string, service: 'seed' | 'peer', port: number, config: object) => {
    const host = ground.lab.host(name)
    const url = `http://${host.address}:${port}`
    const started = new ServiceProcess({ name, service, directory, host, url, config })
    services.push(started)
    await mkdir(join(directory, name))
    await started.start()
  }
  const nodes = ground.setup.peers.map(({ node }) => node)
  const seedUrl = `http://${ground.lab.address('seed')}:${API_PORT}`
  await start('seed', 'seed', API_PORT, seedSettings(ground, directory, API_PORT))
  for (let first = 0; first < nodes.length; first += STARTED_AT_ONCE) {
    const some = nodes.slice(first, first + STARTED_AT_ONCE).map((node) => {
      const settings = peerSettings(ground, directory, { node, seedUrl, apiPort: PEER_API_PORT })
      return start(node, 'peer', PEER_API_PORT, settings)
    })
    await Promise.all(some)
  }
  const token = (await readFile(join(directory, 'seed', 'operator.token'), 'utf8')).trim()
  const client = createClient({ baseUrl: seedUrl, token })
  await until('every node is registered', async () => {
    const { nodes: known } = await client.listNodes()
    return known.length === nodes.length && known.every(({ state }) => state === 'ready')
  })
  const fleet = createFleet(ground, { client, nodes, directory })
  await warmUp(fleet)
  const kept = stack.move()
  return { ...fleet, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

type Fleet = Omit<PrefetchFleet, keyof AsyncDisposable>

interface FleetParts {
  readonly client: Client
  readonly nodes: readonly string[]
  readonly directory: string
}

function createFleet({ library, size }: PrefetchGround, { client, nodes, directory }: FleetParts): Fleet {
  const setIngestLimit = (libraryBytesPerSecond: number | null) => client.setLimits({ body: { libraryBytesPerSecond } })
  return {
    client,
    nodes,
    async addImage(name, sizeBytes) {
      await library.addImage(name, sizeBytes)
      return until(`the seed knows ${name}`, async () => {
        const { images } = await client.listImages()
        return images.find((image) => image.name === name)?.id
      })
    },
    async importImage(image) {
      await setIngestLimit(null)
      await client.importImage({ params: { image } })
      const shown = await untilImported(client, image)
      await setIngestLimit(size.ingestMBPerSecond * 1e6)
      if (shown.layer === null) throw new Error(`the import of ${image} failed: ${JSON.stringify(shown.import?.error)}`)
      return client.showLayer({ params: { layer: shown.layer } })
    },
    removeImage: (name) => library.removeImage(name),
    async check(layer) {
      const wanted = layer.slice('sha256:'.length)
      for (const node of nodes) {
        const file = join(directory, node, 'layers', 'layers', wanted, 'disk')
        if ((await fileSha256(file)) !== wanted) throw new Error(`what ${node} has is not the layer`)
      }
    },
  }
}

function untilImported(client: Client, image: string): Promise<Image> {
  return until(
    `the import of ${image} ends`,
    async () => {
      const shown = await client.showImage({ params: { image } })
      return ['published', 'failed', 'cancelled'].includes(shown.import?.state ?? '') ? shown : undefined
    },
    { timeoutMs: TIMEOUT_MS, everyMs: POLL_MS },
  )
}

async function warmUp({ client, nodes, addImage, importImage, removeImage }: Fleet): Promise<void> {
  const { digest: layer } = await importImage(await addImage('warm-up', WARM_UP_BYTES))
  await client.assign({ body: { layer, all: true } })
  await until(
    'every node has the small image',
    async () => (await client.showLayer({ params: { layer } })).nodesComplete === nodes.length,
    { timeoutMs: TIMEOUT_MS, everyMs: POLL_MS },
  )
  await removeImage('warm-up')
}
