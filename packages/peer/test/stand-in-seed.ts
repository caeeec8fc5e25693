import { type DesiredState, type Heartbeat, type LayerFacts, type NodeRegistration, operations } from '@shoal/api'
import { type Digest, errorFactory, parseDigest, silentLogger, systemClock, TransferLimits } from '@shoal/core'
import { createMemoryLayerStore } from '@shoal/layer-store'
import { createHealth, createHttpService, createMetrics, registerOperation, type StreamMessage } from '@shoal/service'
import { createSwarm } from '@shoal/swarm'
import type { LayerFixture } from './layer-fixture.ts'

export const NODE_TOKEN = 'node-token-of-the-stand-in'

const seedError = errorFactory({
  SHOAL_NODE_UNKNOWN: { message: 'There is no node {node}.', hint: 'Register it.' },
  SHOAL_LAYER_UNKNOWN: { message: 'There is no layer {layer}.', hint: 'Publish it.' },
  SHOAL_BOOT_PROFILE_UNKNOWN: { message: 'There is no profile of {image}.', hint: 'Record a boot.' },
})

/** How a layer is assigned. */
interface Assigned {
  readonly assignedAt: string
  readonly priority: number
  readonly pinnedUntil?: string
}

export interface StandInSeedOptions {
  readonly publicKey: string
  /** Port of the API, to come back where an earlier one was; default is a free one. */
  readonly port?: number
  readonly originUpBytesPerSecond?: number
}

/** A seed as small as can be: the operations a peer uses, over real HTTP, and a real origin with layers in memory. */
export class StandInSeed implements AsyncDisposable {
  readonly nodes = new Map<string, NodeRegistration>()
  readonly heartbeats: { node: string; body: Heartbeat }[] = []
  /** Named to every node as holders, beside the nodes. */
  readonly extraPeers: string[] = []
  readonly #options: StandInSeedOptions
  readonly #stack = new AsyncDisposableStack()
  readonly #store = createMemoryLayerStore()
  readonly #origin
  readonly #layers = new Map<string, LayerFixture>()
  readonly #watchers = new Set<() => void>()
  /** What it knows of layers, for the caches of nodes. */
  readonly facts = new Map<Digest, Omit<LayerFacts, 'layer'>>()
  /** Signed boot profiles, by image. */
  readonly profiles = new Map<string, Uint8Array>()
  #assigned = new Map<Digest, Assigned>()
  /** Assignments that nodes have ended, as `node layer time`. */
  readonly #endedAssignments = new Set<string>()
  #revoked = new Set<Digest>()
  #quarantined: readonly string[] = []
  #revision = 1
  url = ''

  constructor(options: StandInSeedOptions) {
    this.#options = options
    const { originUpBytesPerSecond } = options
    this.#origin = createSwarm(
      { logger: silentLogger, clock: systemClock, buffers: this.#store.buffers },
      {
        role: 'origin',
        node: 'seed',
        host: '127.0.0.1',
        port: 0,
        dht: { host: '127.0.0.1', port: 0, bootstrap: [] },
        trackers: [],
        limits: new TransferLimits(systemClock, { upBytesPerSecond: originUpBytesPerSecond ?? null }),
      },
    )
  }

  /** Payload bytes the origin has sent. */
  get uploadedBytes(): number {
    return this.#origin.stats().uploadedBytes
  }

  get events() {
    return this.heartbeats.flatMap(({ node, body }) => body.events.map((event) => ({ node, ...event })))
  }

  async start(): Promise<this> {
    await this.#store.open()
    this.#stack.use(this.#store)
    await this.#origin.start()
    this.#stack.defer(() => this.#origin.close())
    const http = this.#stack.use(
      await createHttpService(
        { logger: silentLogger, metrics: createMetrics({ process: false }), health: createHealth() },
        {
          name: 'stand-in-seed',
          version: '0',
          host: '127.0.0.1',
          port: this.#options.port ?? 0,
          tokens: { node: NODE_TOKEN },
          openapi: { title: 'stand-in', description: 'stand-in' },
          statusByCode: { SHOAL_NODE_UNKNOWN: 404, SHOAL_LAYER_UNKNOWN: 404, SHOAL_BOOT_PROFILE_UNKNOWN: 404 },
          drainMs: 50,
        },
      ),
    )
    this.#bind(http.app)
    this.url = await http.start()
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }

  /** Publishes a layer: the origin serves its blocks, the API its manifest (or what stands in for it). */
  async publish(layer: LayerFixture, options: { encodedManifest?: Uint8Array } = {}): Promise<void> {
    const stored = await this.#store.create(layer)
    await stored.writeBlocks(0, layer.data)
    await this.#origin.join(stored)
    this.#layers.set(layer.manifest.digest, { ...layer, ...options })
  }

  /** Sets what every node should hold; what was assigned before keeps its time and the rest unless `about` says otherwise. */
  desire(desired: { assigned?: Digest[]; revoked?: Digest[]; about?: Partial<Assigned> }): void {
    const assignedAt = new Date().toISOString()
    const assigned = (desired.assigned ?? []).map((digest): [Digest, Assigned] => {
      return [digest, { ...(this.#assigned.get(digest) ?? { assignedAt, priority: 50 }), ...desired.about }]
    })
    this.#assigned = new Map(assigned)
    this.#revoked = new Set(desired.revoked ?? [])
    this.#renew()
  }

  /** Puts nodes into quarantine; all others are told. */
  quarantine(nodes: readonly string[]): void {
    this.#quarantined = nodes
    this.#renew()
  }

  #renew(): void {
    this.#revision += 1
    for (const wake of this.#watchers) wake()
  }

  #bind(app: Parameters<typeof registerOperation>[0]): void {
    registerOperation(app, operations.registerNode, ({ params, body }) => {
      this.nodes.set(params.node, body)
      return {
        heartbeatIntervalMs: 500,
        publicKeys: [this.#options.publicKey],
        trackers: [],
        dhtBootstrap: this.#origin.dhtAddress === null ? [] : [this.#origin.dhtAddress],
        originAddress: this.#origin.address,
        reachable: true,
        reachability: 'It answers.',
      }
    })
    registerOperation(app, operations.heartbeat, ({ params, body }) => {
      this.#known(params.node)
      this.heartbeats.push({ node: params.node, body })
      this.#end(params.node, body)
      return { revision: this.#revision, layers: this.#factsOf(body) }
    })
    registerOperation(app, operations.desiredState, ({ params }) => this.#desiredState(params.node))
    registerOperation(app, operations.watchDesired, ({ signal }) => this.#watch(signal))
    registerOperation(app, operations.getManifest, ({ params }) => {
      return this.#layer(params.layer).encodedManifest
    })
    registerOperation(app, operations.getBootProfile, ({ params: { image } }) => {
      const profile = this.profiles.get(image)
      if (profile === undefined) throw seedError('SHOAL_BOOT_PROFILE_UNKNOWN', { image })
      return profile
    })
    registerOperation(app, operations.getTorrent, ({ params }) => this.#layer(params.layer).torrent)
  }

  #desiredState(node: string): DesiredState {
    this.#known(node)
    const mode = this.#quarantined.includes(node) ? 'quarantined' : 'active'
    const others = this.#quarantined.filter((name) => name !== node)
    return {
      mode: { mode, reason: '', since: null },
      refused: others.map((name) => ({ node: name, host: null })),
      revision: this.#revision,
      revoked: [...this.#revoked],
      assignments: [...this.#assigned].flatMap(([digest, about]) => {
        if (this.#endedAssignments.has(`${node} ${digest} ${about.assignedAt}`)) return []
        const { sizeBytes, infoHash } = this.#layer(digest).manifest
        const peers = [...this.nodes].filter(([name]) => name !== node).map(([, { swarmAddress }]) => swarmAddress)
        return [{ layer: digest, ...about, sizeBytes, infoHash, peers: [...peers, ...this.extraPeers] }]
      }),
    }
  }

  async *#watch(signal: AbortSignal): AsyncGenerator<StreamMessage<{ revision: number }>> {
    while (!signal.aborted) {
      yield { event: 'desired-state', data: { revision: this.#revision } }
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#watchers.add(resolve)
      signal.addEventListener('abort', () => resolve(), { once: true })
      await promise
      this.#watchers.delete(resolve)
    }
  }

  /** As the seed does: an assignment whose layer had to go has ended. */
  #end(node: string, { inventory }: Heartbeat): void {
    for (const { digest, state, evictedAssignment } of inventory.layers) {
      const key = `${node} ${digest} ${evictedAssignment}`
      if (state !== 'evicted' || this.#endedAssignments.has(key)) continue
      this.#endedAssignments.add(key)
      this.#renew()
    }
  }

  #factsOf({ inventory }: Heartbeat): LayerFacts[] {
    return inventory.layers.flatMap(({ digest }) => {
      const facts = this.facts.get(parseDigest(digest))
      return facts === undefined ? [] : [{ layer: digest, ...facts }]
    })
  }

  #known(node: string): void {
    if (!this.nodes.has(node)) throw seedError('SHOAL_NODE_UNKNOWN', { node })
  }

  #layer(digest: string): LayerFixture {
    const layer = this.#layers.get(digest)
    if (layer === undefined) throw seedError('SHOAL_LAYER_UNKNOWN', { layer: digest })
    return layer
  }
}
