import { randomInt } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Client, createClient, type Event, type Image, type Layer, type LayerInventory } from '@shoal/api'
import type { Lab } from '../../infra/lab/lab.ts'
import { merge, ServiceProcess } from './service-process.ts'
import type { Undo } from './undo.ts'
import { until } from './until.ts'

export interface ClusterOptions {
  readonly peers: number
  /** Hosts `seed` and `node1`... of this lab; without one, everything runs on loopback addresses of its own. */
  readonly lab?: Lab
  /** What the seed reads: settings below `library`. */
  readonly library: object
  readonly seedEnv?: NodeJS.ProcessEnv
  readonly peerEnv?: (name: string) => NodeJS.ProcessEnv
  /** Changes to every peer's settings. */
  readonly peerConfig?: (index: number, directory: string) => object
  readonly seedConfig?: object
}

/** A seed and its peers as real processes, and what a test asks of them. */
export class Cluster {
  readonly directory: string
  readonly seed: ServiceProcess
  readonly peers: readonly ServiceProcess[]
  #client: Client | undefined

  constructor(directory: string, seed: ServiceProcess, peers: readonly ServiceProcess[]) {
    this.directory = directory
    this.seed = seed
    this.peers = peers
  }

  get client(): Client {
    if (this.#client === undefined) throw new TypeError('the seed was not started')
    return this.#client
  }

  async startSeed(changes: object = {}, options: { timeoutMs?: number } = {}): Promise<void> {
    await this.seed.start(changes, options)
    const token = (await readFile(join(this.directory, 'seed', 'operator.token'), 'utf8')).trim()
    const isFirst = this.#client === undefined
    this.#client = createClient({ baseUrl: this.seed.url, token })
    // A seed that is started again knows them still.
    if (isFirst) await Promise.all(this.peers.map(({ name }) => this.giveJoinToken(name)))
  }

  /** What a node joins with; one that has joined, or sends a token, needs none. */
  async giveJoinToken(node: string): Promise<void> {
    if (isOpen(this.seed.settings) || existsSync(join(this.directory, node, 'credential.pem'))) return
    const { token } = await this.client.createJoinToken({ body: { node } })
    const file = join(this.directory, node, 'join.token')
    // The node may just look for one.
    await writeFile(`${file}.new`, `${token}\n`, { mode: 0o600 })
    await rename(`${file}.new`, file)
  }

  async startPeers(names: readonly string[] = this.peers.map(({ name }) => name)): Promise<void> {
    await Promise.all(names.map((name) => this.peer(name).start()))
    await until(`${names.join(', ')} registered`, async () => {
      const { nodes } = await this.client.listNodes()
      return names.every((name) => nodes.some((node) => node.id === name && node.state === 'ready'))
    })
  }

  peer(name: string): ServiceProcess {
    const found = this.peers.find((peer) => peer.name === name)
    if (found === undefined) throw new TypeError(`no peer ${name}`)
    return found
  }

  /** Imports an image and waits for its layer, or for the failure. */
  async import(image: string, timeoutMs = 120_000): Promise<Image> {
    await this.client.importImage({ params: { image } })
    return this.imported(image, timeoutMs)
  }

  imported(image: string, timeoutMs = 120_000): Promise<Image> {
    return until(
      `import of ${image} ends`,
      async () => {
        const shown = await this.client.showImage({ params: { image } })
        return ['published', 'failed', 'cancelled'].includes(shown.import?.state ?? '') ? shown : undefined
      },
      { timeoutMs },
    )
  }

  async assign(layer: string, nodes: readonly string[] = this.peers.map(({ name }) => name)): Promise<void> {
    await this.client.assign({ body: { layer, nodes: [...nodes] } })
  }

  /** A node's own word on a layer, as it reported it to the seed. */
  async reported(node: string, layer: string): Promise<LayerInventory | undefined> {
    const { inventory } = await this.client.showNode({ params: { node } })
    return inventory?.layers.find(({ digest }) => digest === layer)
  }

  async complete(layer: string, nodes = this.peers.map(({ name }) => name), timeoutMs = 120_000): Promise<Layer> {
    await until(
      `${layer} is complete on ${nodes.join(', ')}`,
      async () => {
        const states = await Promise.all(nodes.map(async (node) => (await this.reported(node, layer))?.state))
        if (states.every((state) => state === 'complete')) return true
        throw new Error(`states: ${states.join(', ')}`)
      },
      { timeoutMs },
    )
    return this.client.showLayer({ params: { layer } })
  }

  async events(type: string): Promise<Event[]> {
    const { events } = await this.client.listEvents({ query: { limit: 1000 } })
    return events.filter((event) => event.type === type)
  }

  /** The layer's file on a node. */
  layerFile(node: string, layer: string): string {
    return join(this.directory, node, 'layers', 'layers', layer.slice('sha256:'.length), 'disk')
  }

  /** A client of a peer's own API. */
  async peerClient(node: string): Promise<Client> {
    const token = (await readFile(join(this.directory, node, 'api-token'), 'utf8')).trim()
    return createClient({ baseUrl: this.peer(node).url, token })
  }
}

/** Whether nodes send a token in place of certificates. */
function isOpen(seedConfig: object): boolean {
  return (seedConfig as { tls?: { enabled?: boolean } }).tls?.enabled === false
}

/** Lays a cluster out; nothing runs yet. All of it ends with the test. */
export async function createCluster(undo: Undo, options: ClusterOptions): Promise<Cluster> {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-e2e-'))
  const names = Array.from({ length: options.peers }, (_, index) => `node${index + 1}`)
  const net = `127.${randomInt(100, 255)}.${randomInt(255)}`
  const address = (name: string, index: number) => options.lab?.address(name) ?? `${net}.${index + 1}`
  const seedHost = address('seed', 0)
  const seedUrl = `http://${seedHost}:7420`
  await mkdir(join(directory, 'seed'))
  const seed = new ServiceProcess({
    name: 'seed',
    service: 'seed',
    directory,
    host: options.lab?.host('seed'),
    env: options.seedEnv,
    url: seedUrl,
    config: seedConfig(directory, seedHost, options),
  })
  const peers = await Promise.all(
    names.map(async (name, index) => {
      const host = address(name, index + 1)
      await mkdir(join(directory, name))
      return new ServiceProcess({
        name,
        service: 'peer',
        directory,
        host: options.lab?.host(name),
        env: options.peerEnv?.(name),
        url: `http://${host}:7470`,
        config: peerConfig({ directory, name, host, seedHost, index, options }),
      })
    }),
  )
  undo.after(async () => {
    await Promise.all([seed, ...peers].map((service) => service.end()))
    await rm(directory, { recursive: true, force: true })
  })
  return new Cluster(directory, seed, peers)
}

function seedConfig(directory: string, host: string, options: ClusterOptions): object {
  const config = {
    stateDirectory: join(directory, 'seed'),
    log: { level: 'info' },
    listen: { host, port: 7420 },
    tls: { host, port: 7423 },
    library: { pollIntervalMs: 1000, sweepIntervalMs: 5000, ...options.library },
    swarm: { host },
    tracker: { announceIntervalMs: 2000 },
    nodes: { heartbeatIntervalMs: 500 },
  }
  return merge(config, options.seedConfig ?? {})
}

function peerConfig(init: {
  directory: string
  name: string
  host: string
  seedHost: string
  index: number
  options: ClusterOptions
}): object {
  const { directory, name, host, seedHost, index, options } = init
  const lab = options.lab?.host(name)
  const config = {
    node: name,
    zone: lab?.zone ?? '',
    rack: lab?.rack ?? '',
    stateDirectory: join(directory, name),
    ...(isOpen(options.seedConfig ?? {})
      ? { seed: { url: `http://${seedHost}:7420`, tokenFile: join(directory, 'seed', 'node.token') } }
      : {
          seed: { url: `https://${seedHost}:7423` },
          credential: { joinTokenFile: join(directory, name, 'join.token') },
        }),
    swarm: { host },
    // The peer's own API listens where the test runner can reach it; in production it stays on loopback.
    api: { host, port: 7470 },
    reconcile: { intervalMs: 2000 },
    log: { level: 'info' },
  }
  return merge(config, options.peerConfig?.(index, directory) ?? {})
}
