import type { Actor, Heartbeat, Inventory, Node, NodeRegistration, Replicas, ReportedInventory } from '@shoal/api'
import type { Clock } from '@shoal/core'
import type { StateOperation, StateStore } from '@shoal/state'
import { seedError } from '../errors.ts'
import type { EventDraft, EventJournal } from '../events/event-journal.ts'
import { Holdings } from './holdings.ts'
import { type KnownInventory, type MergedInventory, mergeReport } from './merge-report.ts'
import { NodeEvents } from './node-events.ts'
import { type NodeRecord, stateOf, transition } from './node-record.ts'
import { checkReachability, type Reachability } from './reachability.ts'
import type { Place } from './replica-counts.ts'

interface Entry {
  record: NodeRecord
  known: KnownInventory
  /** Milliseconds since the epoch. */
  seenAt: number
  checkedAt: number
  inventorySavedAt: number
  readonly events: NodeEvents
}

/** What is known of a node, without what it costs to show it. */
export interface NodeReport {
  readonly id: string
  readonly zone: string
  readonly rack: string
  readonly aggregates: readonly string[] | undefined
  readonly capacityBytes: number
  readonly linkBytesPerSecond: number | null | undefined
  readonly inventory: Inventory | null
  readonly isLost: boolean
  /** Milliseconds since the epoch. */
  readonly seenAt: number
}

export interface NodeRegistryOptions {
  readonly heartbeatIntervalMs: number
  /** Heartbeats missed before a node counts as lost. */
  readonly lostAfterHeartbeats: number
  readonly reachabilityIntervalMs: number
  readonly reachabilityTimeoutMs: number
  readonly limit: number
}

/** An inventory as it is kept, with the digest of its layers; earlier versions kept none. */
interface SavedInventory extends Inventory {
  readonly layersDigest?: string
}

const NODES = 'seed/node/'
const INVENTORIES = 'seed/inventory/'
const NOTHING_KNOWN: KnownInventory = { inventory: null, digest: undefined, sequence: 0 }
/** An inventory is a report, repeated every few seconds; it is kept so that a restarted seed is not blind meanwhile. */
const INVENTORY_SAVE_MS = 60_000
const CHECKS_AT_ONCE = 16

/** The compute nodes: who they are, whether they are well, and what they hold. */
export class NodeRegistry {
  readonly #deps: { state: StateStore; journal: EventJournal; clock: Clock; check: typeof checkReachability }
  readonly #options: NodeRegistryOptions
  readonly #nodes = new Map<string, Entry>()
  readonly #byPeerId = new Map<string, string>()
  readonly #holdings = new Holdings()

  constructor(
    deps: { state: StateStore; journal: EventJournal; clock: Clock; check?: typeof checkReachability },
    options: NodeRegistryOptions,
  ) {
    this.#deps = { check: checkReachability, ...deps }
    this.#options = options
  }

  async open(): Promise<void> {
    const { state, clock } = this.#deps
    const seenAt = clock.now()
    for await (const { value: record } of state.range<NodeRecord>({ prefix: NODES })) {
      // A node has the usual time to show that it lives: the seed was away, not the node.
      this.#nodes.set(record.id, {
        record,
        known: NOTHING_KNOWN,
        seenAt,
        checkedAt: 0,
        inventorySavedAt: 0,
        events: new NodeEvents(record.id),
      })
      this.#byPeerId.set(record.registration.swarmPeerId, record.id)
      this.#locate(record)
    }
    for await (const { key, value } of state.range<SavedInventory>({ prefix: INVENTORIES })) {
      const entry = this.#nodes.get(key.slice(INVENTORIES.length))
      if (entry === undefined) continue
      // The sequence is not kept: what was overtaken before a restart does not come any more.
      const { layersDigest: digest, ...inventory } = value
      entry.known = { inventory, digest, sequence: 0 }
      this.#holdings.put(entry.record.id, inventory.layers)
    }
  }

  has(id: string): boolean {
    return this.#nodes.has(id)
  }

  get(id: string): Node | undefined {
    const entry = this.#nodes.get(id)
    return entry === undefined ? undefined : toNode(entry)
  }

  /** Every node, ordered by name. */
  list(): Node[] {
    return [...this.#nodes.keys()].sort().flatMap((id) => this.get(id) ?? [])
  }

  /** Every node, in no order. */
  *reports(): Generator<NodeReport> {
    for (const { record, known, seenAt } of this.#nodes.values()) {
      const { inventory } = known
      const { zone, rack, aggregates, capacityBytes, linkBytesPerSecond } = record.registration
      const links = { capacityBytes, linkBytesPerSecond }
      yield { id: record.id, zone, rack, aggregates, ...links, inventory, isLost: record.isLost, seenAt }
    }
  }

  /** How many nodes are in each state. */
  counts(): Record<Node['state'], number> {
    const counts = { ready: 0, unreachable: 0, lost: 0 }
    for (const entry of this.#nodes.values()) counts[stateOf(entry.record)] += 1
    return counts
  }

  /** What all nodes that are not lost receive. Bytes per second. */
  totalRate(): number {
    let sum = 0
    for (const { record, known } of this.#nodes.values()) {
      if (!record.isLost) sum += known.inventory?.downBytesPerSecond ?? 0
    }
    return sum
  }

  /** Where the node with this BitTorrent peer id is. */
  placeOfPeer(peerId: string): { address: string; zone: string; rack: string } | undefined {
    const registration = this.#nodes.get(this.#byPeerId.get(peerId) ?? '')?.record.registration
    if (registration === undefined) return undefined
    const { swarmAddress: address, zone, rack } = registration
    return { address, zone, rack }
  }

  /** DHT addresses of nodes that are well. */
  dhtAddresses({ except, limit }: { except: string; limit: number }): string[] {
    const addresses: string[] = []
    for (const { record } of this.#nodes.values()) {
      if (addresses.length >= limit) break
      const { dhtAddress } = record.registration
      if (record.id !== except && dhtAddress !== null && stateOf(record) === 'ready') addresses.push(dhtAddress)
    }
    return addresses
  }

  /** Swarm addresses of nodes that hold some of a layer: of the same rack first, then the same zone, then any. */
  holders(layer: string, { node, limit }: { node: string; limit: number }): string[] {
    const own = this.#nodes.get(node)?.record.registration
    const near: [string[], string[], string[]] = [[], [], []]
    for (const id of this.#holdings.of(layer)) {
      const record = this.#nodes.get(id)?.record
      if (record === undefined || id === node || stateOf(record) !== 'ready') continue
      const { zone, rack, swarmAddress } = record.registration
      if (own === undefined || zone !== own.zone) near[2].push(swarmAddress)
      else near[rack === own.rack ? 0 : 1].push(swarmAddress)
    }
    // Each node is told others first, so that the first of a list are not everybody's peers.
    const start = node.split('').reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 65_521, 7)
    const turned = near.flatMap((list) => {
      const from = list.length === 0 ? 0 : start % list.length
      return [...list.slice(from), ...list.slice(0, from)].slice(0, limit)
    })
    return turned.slice(0, limit)
  }

  /** How many nodes hold all, and how many hold a part, of a layer. */
  holdings(layer: string): { complete: number; partial: number } {
    return this.#holdings.count(layer)
  }

  /** By node: the bytes that it holds of a layer, Infinity when that is all; 0 where it is only wanted yet. */
  bytesByNode(layer: string): ReadonlyMap<string, number> {
    return this.#holdings.bytesByNode(layer)
  }

  /** How many nodes that are not lost hold all of a layer, as seen from a place. */
  replicasAround(layer: string, place: Place): Replicas {
    return this.#holdings.around(layer, place)
  }

  /** Where else a layer is, as seen from a node: other nodes that hold all of it and are not lost. */
  replicas(layer: string, node: string): Replicas {
    return this.#holdings.replicas(layer, node)
  }

  /** Takes a node in, or what it says anew; tells what came of connecting to it. Throws `SHOAL_NODES_FULL`. */
  async register(
    id: string,
    registration: NodeRegistration,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<Reachability> {
    const { clock, journal } = this.#deps
    this.#checkRoom(id)
    const found = await this.#check(registration.swarmAddress, signal)
    signal?.throwIfAborted()
    // Others may have registered meanwhile.
    this.#checkRoom(id)
    const before = this.#nodes.get(id)
    const now = clock.now()
    const record: NodeRecord = {
      id,
      registration,
      reachable: found.reachable,
      reachability: found.message,
      isLost: false,
      lastSeenAt: new Date(now).toISOString(),
    }
    const entry: Entry = before ?? {
      record,
      known: NOTHING_KNOWN,
      seenAt: now,
      checkedAt: now,
      inventorySavedAt: 0,
      events: new NodeEvents(id),
    }
    const isSame = before !== undefined && JSON.stringify(before.record.registration) === JSON.stringify(registration)
    const drafts = before === undefined ? [] : transition(before.record, record)
    if (!isSame) {
      const { swarmAddress, zone, rack, version } = registration
      const details = { swarmAddress, zone, rack, version }
      drafts.unshift({
        type: 'node.registered',
        actor: `node:${id}`,
        node: id,
        message: `Node ${id} registered.`,
        details,
      })
    }
    if (before === undefined && !found.reachable)
      drafts.push({ type: 'node.unreachable', node: id, message: found.message })
    if (before !== undefined) this.#forgetPeerId(before.record)
    Object.assign(entry, { record, seenAt: now, checkedAt: now })
    this.#nodes.set(id, entry)
    this.#byPeerId.set(registration.swarmPeerId, id)
    this.#locate(record)
    await journal.append(drafts, [putNode(record)])
    return found
  }

  /** What would be known of a node after its report, as {@link mergeReport}. Throws `SHOAL_NODE_UNKNOWN`. */
  merge(id: string, body: Pick<Heartbeat, 'inventory' | 'report'>): MergedInventory | undefined {
    return mergeReport(this.#entry(id).known, body)
  }

  /** What the seed knows of a node's layers, for the node. */
  reported(id: string): ReportedInventory {
    const { sequence, digest = null } = this.#entry(id).known
    return { sequence, digest }
  }

  /**
   * Takes a report in; the given operations are durable when this resolves. Without `merged`, which is what {@link merge} gives, its
   * layers stay what they were. Throws `SHOAL_NODE_UNKNOWN`, upon which a node registers again.
   */
  async heartbeat(
    id: string,
    body: Pick<Heartbeat, 'inventory' | 'report' | 'events'>,
    operations: readonly StateOperation[] = [],
    merged: MergedInventory | undefined = this.merge(id, body),
  ): Promise<void> {
    const entry = this.#entry(id)
    const { events } = body
    const now = this.#deps.clock.now()
    entry.seenAt = now
    if (merged !== undefined) this.#take(entry, merged)
    const record = { ...entry.record, isLost: false, lastSeenAt: new Date(now).toISOString() }
    const drafts = [...transition(entry.record, record), ...entry.events.tell(events)]
    const changes = entry.record.isLost ? [...operations, putNode(record)] : operations
    entry.record = record
    this.#locate(record)
    const isDue = now - entry.inventorySavedAt >= INVENTORY_SAVE_MS
    if (drafts.length + changes.length > 0) await this.#deps.journal.append(drafts, changes)
    const { inventory, digest } = entry.known
    if (!isDue || inventory === null) return
    entry.inventorySavedAt = now
    const value: SavedInventory = { ...inventory, ...(digest === undefined ? {} : { layersDigest: digest }) }
    const saved: StateOperation[] = [{ type: 'put', key: INVENTORIES + id, value }, putNode(record)]
    await this.#deps.state.batch(saved, { durable: false })
  }

  /** Forgets a node; the given operations go into the same durable step. */
  async remove(id: string, operations: readonly StateOperation[], actor?: Actor): Promise<void> {
    const entry = this.#entry(id)
    this.#nodes.delete(id)
    this.#forgetPeerId(entry.record)
    this.#holdings.remove(id)
    const deletes: StateOperation[] = [NODES, INVENTORIES].map((prefix) => ({ type: 'delete', key: prefix + id }))
    const message = `Node ${id} was taken out of the fleet.`
    await this.#deps.journal.append([{ type: 'node.removed', actor, node: id, message }], [...deletes, ...operations])
  }

  /** Marks nodes without heartbeats as lost; resolves with the swarm addresses of those that it marked. */
  async markLost(): Promise<string[]> {
    const { clock, journal } = this.#deps
    const { heartbeatIntervalMs, lostAfterHeartbeats } = this.#options
    const now = clock.now()
    const drafts: EventDraft[] = []
    const operations: StateOperation[] = []
    const addresses: string[] = []
    for (const entry of this.#nodes.values()) {
      if (entry.record.isLost || now - entry.seenAt <= heartbeatIntervalMs * lostAfterHeartbeats) continue
      const record = { ...entry.record, isLost: true }
      drafts.push(...transition(entry.record, record))
      entry.record = record
      this.#locate(record)
      operations.push(putNode(record))
      addresses.push(record.registration.swarmAddress)
    }
    if (operations.length > 0) await journal.append(drafts, operations)
    return addresses
  }

  /** Connects again to the nodes whose last check is old. Takes long when a firewall swallows the attempts. */
  async checkReachable({ signal }: { signal: AbortSignal }): Promise<void> {
    const now = this.#deps.clock.now()
    const due = [...this.#nodes.values()].filter(
      (entry) => !entry.record.isLost && now - entry.checkedAt >= this.#options.reachabilityIntervalMs,
    )
    for (let start = 0; start < due.length && !signal.aborted; start += CHECKS_AT_ONCE) {
      await Promise.all(due.slice(start, start + CHECKS_AT_ONCE).map((entry) => this.#recheck(entry, signal)))
    }
  }

  #entry(id: string): Entry {
    const entry = this.#nodes.get(id)
    if (entry === undefined) throw seedError('SHOAL_NODE_UNKNOWN', { node: id })
    return entry
  }

  #take(entry: Entry, { inventory, digest, sequence, changes }: MergedInventory): void {
    entry.known = { inventory, digest, sequence }
    const { id } = entry.record
    if (changes === undefined) this.#holdings.put(id, inventory.layers)
    else this.#holdings.change(id, changes.layers, changes.gone)
  }

  async #recheck(entry: Entry, signal: AbortSignal): Promise<void> {
    const { swarmAddress } = entry.record.registration
    const found = await this.#check(swarmAddress, signal)
    if (signal.aborted || entry.record.registration.swarmAddress !== swarmAddress) return
    entry.checkedAt = this.#deps.clock.now()
    const record = { ...entry.record, reachable: found.reachable, reachability: found.message }
    const drafts = transition(entry.record, record)
    entry.record = record
    if (drafts.length > 0) await this.#deps.journal.append(drafts, [putNode(record)])
  }

  #checkRoom(id: string): void {
    const { limit } = this.#options
    if (!this.#nodes.has(id) && this.#nodes.size >= limit) throw seedError('SHOAL_NODES_FULL', { limit })
  }

  /** What a lost node holds, nobody can fetch from it. */
  #locate({ id, isLost, registration }: NodeRecord): void {
    const { zone, rack } = registration
    this.#holdings.locate(id, isLost ? undefined : { zone, rack })
  }

  /** A machine that was cloned with its peer's state has the same peer id; the other keeps it. */
  #forgetPeerId({ id, registration }: NodeRecord): void {
    if (this.#byPeerId.get(registration.swarmPeerId) === id) this.#byPeerId.delete(registration.swarmPeerId)
  }

  #check(address: string, signal: AbortSignal | undefined): Promise<Reachability> {
    const { reachabilityTimeoutMs: timeoutMs } = this.#options
    return this.#deps.check(address, { timeoutMs, ...(signal === undefined ? {} : { signal }) })
  }
}

function putNode(record: NodeRecord): StateOperation {
  return { type: 'put', key: NODES + record.id, value: record }
}

function toNode({ record, known, seenAt }: Entry): Node {
  const { inventory } = known
  const { id, registration, reachability } = record
  const lastSeenAt = record.isLost ? record.lastSeenAt : new Date(seenAt).toISOString()
  return { id, ...registration, state: stateOf(record), lastSeenAt, reachability, inventory }
}
