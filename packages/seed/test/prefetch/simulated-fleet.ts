import type { ImageImport, LayerInventory, Node, NodeRegistration, Plan, PrefetchRequest } from '@shoal/api'
import { type Digest, type Logger, ManualClock, NO_TRANSFER_LIMITS, silentLogger } from '@shoal/core'
import { createMemoryState } from '@shoal/state'
import type { LayerTerms } from '@shoal/swarm'
import { FileClaims } from '../../src/boots/file-claims.ts'
import { seedConfigDefaults } from '../../src/config.ts'
import { EventJournal } from '../../src/events/event-journal.ts'
import { Catalogue } from '../../src/images/catalogue.ts'
import { Assignments, type NodeAssignment } from '../../src/nodes/assignments.ts'
import { NodeRegistry } from '../../src/nodes/node-registry.ts'
import { openPrefetch, type Prefetch } from '../../src/prefetch/open-prefetch.ts'
import { buildHeld, buildLayerRecord, layerDigest } from '../nodes/known-layers.ts'
import { buildImage } from '../rules/rules-fixture.ts'

export const NOON_MS = Date.parse('2026-01-01T12:00:00.000Z')
/** Every layer has this many bytes unless a test says otherwise. */
export const LAYER_BYTES = 1000
const HEARTBEAT_MS = 5000
const EXCLUDE_AFTER_MS = 60_000

interface TestLike {
  after(fn: () => Promise<void>): void
}

interface SimulatedNode {
  readonly name: string
  readonly held: Map<string, LayerInventory>
  isUp: boolean
}

interface Parts {
  readonly journal: EventJournal
  readonly catalogue: Catalogue
  readonly assignments: Assignments
  readonly registry: NodeRegistry
  readonly prefetch: Prefetch
  readonly files: FileClaims
}

/** What carries plans out, as in a seed, with time that obeys and nodes that fetch what they are told to. */
export class SimulatedFleet {
  readonly store = createMemoryState()
  readonly clock = new ManualClock(NOON_MS)
  readonly nodes = new Map<string, SimulatedNode>()
  /** Imports that were asked for, and those of them that were cancelled. */
  readonly requested: string[] = []
  readonly cancelled: string[] = []
  /** Terms that the origin was told, by layer. */
  readonly originTerms = new Map<string, LayerTerms>()
  readonly excludeAfterMs = EXCLUDE_AFTER_MS
  /** Messages of errors that were logged. */
  readonly errors: string[] = []
  readonly #importing = new Map<string, ImageImport>()
  #parts: Parts | undefined

  get parts(): Parts {
    if (this.#parts === undefined) throw new TypeError('the fleet was not opened')
    return this.#parts
  }

  get plans() {
    return this.parts.prefetch.plans
  }

  get runs() {
    return this.parts.prefetch.runs
  }

  get reader() {
    return this.parts.prefetch.reader
  }

  /** Opens everything from what is durable; what ran before is left as a crash leaves it. */
  readonly restart = async (): Promise<void> => {
    await this.close()
    const { store: state, clock } = this
    const journal = new EventJournal({ state, clock }, { limit: 10_000 })
    const catalogue = new Catalogue(state)
    const assignments: Assignments = new Assignments({ state, clock, isActive: (node) => registry.isActive(node) })
    const check = async () => ({ reachable: true, message: '' })
    const options = { ...seedConfigDefaults.nodes, heartbeatIntervalMs: HEARTBEAT_MS, reachabilityTimeoutMs: 1 }
    const registry = new NodeRegistry({ state, journal, clock, check }, options)
    for (const part of [journal, catalogue, assignments, registry]) await part.open()
    const prefetch = await openPrefetch(
      {
        ...{ state, clock, journal, catalogue, assignments, registry, logger: this.#logger() },
        importer: this.#importer(),
        layerings: { progress: () => undefined },
        limits: {
          effective: {
            ...{ libraryBytesPerSecond: null, seedUpBytesPerSecond: null, rackUplinkBytesPerSecond: null },
            node: NO_TRANSFER_LIMITS,
          },
        },
        swarm: { get: (digest) => this.#swarmLayer(digest) },
      },
      { ...seedConfigDefaults.prefetch, excludeAfterMs: EXCLUDE_AFTER_MS },
    )
    const files = new FileClaims({
      ...{
        catalogue,
        assignments,
        registry,
        journal,
        clock,
        importer: this.#importer(),
        downloads: prefetch.downloads,
      },
      looks: { look: async (image) => catalogue.image(image) },
    })
    this.#parts = { journal, catalogue, assignments, registry, prefetch, files }
  }

  readonly close = async (): Promise<void> => {
    await this.#parts?.prefetch[Symbol.asyncDispose]()
  }

  /** An image of one layer with a number for each, base first; without layers it is not imported. */
  async addImage(id: string, layers: readonly number[], { sizeBytes = LAYER_BYTES } = {}): Promise<void> {
    const { catalogue } = this.parts
    const digests = layers.map(layerDigest)
    const [base, middle] = digests
    const isImported = base !== undefined
    const record = buildImage(id, isImported ? {} : { finishedAt: null, status: 'active' })
    const chain = base === undefined ? null : middle === undefined ? ([base] as const) : ([base, middle] as const)
    const image = { ...record, image: { ...record.image, sizeBytes }, layer: digests.at(-1) ?? null, chain }
    const operations = digests.map((digest, index) =>
      catalogue.putLayer(buildLayerRecord(digest, { sizeBytes, parent: digests[index - 1] ?? null })),
    )
    this.#importing.delete(id)
    await this.store.batch([...operations, catalogue.putImage(image)])
    await this.parts.prefetch.noteImage(id)
  }

  /** The library withdraws an image: its layers are revoked everywhere. */
  async deactivate(id: string): Promise<void> {
    const { catalogue, assignments } = this.parts
    const record = catalogue.image(id)
    if (record === undefined) throw new TypeError(`no image ${id}`)
    const operations = [catalogue.putImage({ ...record, image: { ...record.image, status: 'deactivated' } })]
    for (const digest of record.chain ?? []) {
      operations.push(catalogue.putLayer(buildLayerRecord(digest, { state: 'withdrawn' })))
      operations.push(...assignments.revoke(digest).operations)
      for (const { held } of this.nodes.values()) held.delete(digest)
    }
    await this.store.batch(operations)
  }

  async addNodes(names: readonly string[], change: Partial<NodeRegistration> = {}): Promise<void> {
    for (const name of names) {
      await this.parts.registry.register(name, buildRegistration(change))
      const held = this.nodes.get(name)?.held ?? new Map()
      this.nodes.set(name, { name, held, isUp: true })
      await this.report(name)
    }
  }

  node(name: string): SimulatedNode {
    const node = this.nodes.get(name)
    if (node === undefined) throw new TypeError(`no node ${name}`)
    return node
  }

  /** A node's heartbeat, as the seed takes it. */
  async report(name: string): Promise<void> {
    const { assignments, registry } = this.parts
    const layers = [...this.node(name).held.values()]
    const ended = assignments.endEvicted(name, layers)
    const held = new Set(layers.map(({ digest }) => digest))
    const removed = assignments.endDropped(name, (layer) => held.has(layer))
    const inventory = {
      ...{ layers, diskFreeBytes: 1e12, diskUsedBytes: layers.reduce((sum, one) => sum + one.presentBytes, 0) },
      ...{ downBytesPerSecond: 0, upBytesPerSecond: 0, load1: 0 },
    }
    await registry.heartbeat(name, { inventory, events: [] }, [...ended.operations, ...removed.operations])
    this.runs.onReport(name, inventory)
  }

  /** Time passes: nodes that are up fetch at a rate, in the order they are told, and report; plans are looked at. */
  async pass(seconds: number, { bytesPerSecond = 0, only }: { bytesPerSecond?: number; only?: string[] } = {}) {
    for (let second = 0; second < seconds; second += 1) {
      this.clock.advance(1000)
      for (const { name, isUp } of this.nodes.values()) {
        if (!isUp) continue
        const isActive = only === undefined || only.includes(name)
        this.fetch(name, isActive ? bytesPerSecond : 0)
        await this.report(name)
      }
      await this.parts.registry.markLost()
      await this.runs.tick()
    }
  }

  /** A node receives so many bytes of what it is told to fetch, first things first. */
  fetch(name: string, bytes: number): void {
    const { held } = this.node(name)
    let left = bytes
    for (const { layer, limitBytesPerSecond, createdAt } of this.parts.assignments.ofNode(name)) {
      const sizeBytes = this.parts.catalogue.layer(layer)?.sizeBytes ?? 0
      const before = held.get(layer)
      if (before?.state === 'evicted' && before.evictedAssignment === createdAt) continue
      const present = before?.presentBytes ?? 0
      const taken = limitBytesPerSecond === 0 ? 0 : Math.min(left, sizeBytes - present)
      left -= taken
      held.set(layer, heldLayer(layer, present + taken, sizeBytes))
    }
    for (const [layer, { state }] of held) {
      // It tells of an eviction for as long as the assignment is there.
      if (state === 'evicted' && !this.isAssigned(name, layer)) held.delete(layer)
    }
  }

  /** A node has to give a layer up. */
  evict(name: string, layer: Digest): void {
    const [assigned] = this.parts.assignments.list({ node: name, layer })
    if (assigned === undefined) throw new TypeError(`${layer} is not assigned`)
    const evictedAssignment = assigned.createdAt
    this.node(name).held.set(layer, buildHeld(layer, { state: 'evicted', presentBytes: 0, evictedAssignment }))
  }

  isAssigned(name: string, layer: string): boolean {
    return this.parts.assignments.list({ node: name, layer }).length > 0
  }

  /** Makes a plan; its name. */
  async start(request: PrefetchRequest, idempotencyKey?: string): Promise<string> {
    return (await this.plans.create(request, { source: 'api', idempotencyKey })).id
  }

  /** A node asks for the file of an image, as it does when somebody downloads it there. */
  async download(node: string, image = 'image'): Promise<void> {
    await this.parts.files.want(node, image)
  }

  show(plan: string): Plan {
    return this.reader.show(plan)
  }

  state(plan: string): Plan['state'] {
    return this.show(plan).state
  }

  /** What a plan has claimed, by node, layers in order. */
  claims(plan: string): Record<string, string[]> {
    const claimed = Map.groupBy(this.parts.assignments.list({ owner: plan }), ({ node }) => node)
    return Object.fromEntries([...claimed].map(([node, ofNode]) => [node, ofNode.map(({ layer }) => layer).sort()]))
  }

  /** What a node is told of a layer. */
  told(node: string, layer: Digest): NodeAssignment | undefined {
    return this.parts.assignments.list({ node, layer })[0]
  }

  /** Types of the events that tell of a plan. */
  async events(plan: string): Promise<string[]> {
    await this.parts.journal.flush()
    const events = await this.parts.journal.list({ limit: 10_000 })
    return events.flatMap((event) => (event.plan === plan ? [event.type] : []))
  }

  known(name: string): Node | undefined {
    return this.parts.registry.get(name)
  }

  #importer() {
    return {
      progress: (image: string) => this.#importing.get(image),
      request: async ({ id }: { readonly id: string }) => {
        this.requested.push(id)
        const bytes = { bytesRead: 0, bytesTotal: LAYER_BYTES, rateBytesPerSecond: 0, libraryRequests: 1 }
        this.#importing.set(id, { state: 'reading', ...bytes, startedAt: null, finishedAt: null, error: null })
      },
      cancel: async (image: string) => {
        this.cancelled.push(image)
        return this.#importing.delete(image)
      },
    }
  }

  #swarmLayer(digest: Digest) {
    const setTerms = (terms: LayerTerms) => void this.originTerms.set(digest, terms)
    return { setTerms } as unknown as ReturnType<Parameters<typeof openPrefetch>[0]['swarm']['get']>
  }

  #logger(): Logger {
    const note = (...words: unknown[]) => void this.errors.push(JSON.stringify(words))
    return { ...silentLogger, error: note, child: () => this.#logger() }
  }
}

export function buildRegistration(change: Partial<NodeRegistration> = {}): NodeRegistration {
  return {
    ...{ zone: 'z1', rack: 'r1', swarmAddress: '127.0.0.1:9', swarmPeerId: 'ab'.repeat(20), dhtAddress: null },
    ...{ apiUrl: null, capacityBytes: 1e12, version: '1', linkBytesPerSecond: 1e6 },
    ...change,
  }
}

/** Opens a fleet without nodes and images; it ends with the test. */
export async function openFleet(t: TestLike): Promise<SimulatedFleet> {
  const fleet = new SimulatedFleet()
  t.after(fleet.close)
  await fleet.restart()
  return fleet
}

function heldLayer(layer: string, presentBytes: number, sizeBytes: number): LayerInventory {
  const isComplete = presentBytes === sizeBytes
  const peers = isComplete ? 0 : 2
  return buildHeld(layer, { state: isComplete ? 'complete' : 'fetching', presentBytes, sizeBytes, peers })
}
