import type {
  Actor,
  Heartbeat,
  Node,
  NodeMode,
  NodeModeStatus,
  NodeRegistration,
  RefusedNode,
  Replicas,
  ReportedInventory,
  ToldNodeMode,
} from '@shoal/api'
import type { Clock } from '@shoal/core'
import type { StateOperation, StateStore } from '@shoal/state'
import { seedError } from '../errors.ts'
import type { EventDraft, EventJournal } from '../events/event-journal.ts'
import { type MergedInventory, mergeReport } from './merge-report.ts'
import {
  INVENTORIES,
  NODES,
  NOTHING_KNOWN,
  type NodeEntry,
  type NodeReport,
  nodeOf,
  putNode,
  reportOf,
  type SavedInventory,
} from './node-entry.ts'
import { NodeEvents } from './node-events.ts'
import { isIdle, modeEvent, modeOf, modeStatus, type NewMode, noteDrained } from './node-mode.ts'
import { type NodeRecord, stateOf, transition } from './node-record.ts'
import { NodeTable } from './node-table.ts'
import { checkReachability, type Reachability } from './reachability.ts'
import { ReachabilityChecks } from './reachability-checks.ts'
import type { Place } from './replica-counts.ts'

export interface NodeRegistryDeps {
  readonly state: StateStore
  readonly journal: EventJournal
  readonly clock: Clock
  readonly check?: typeof checkReachability
  /** Whether somebody waits for a layer on a node; default is yes. */
  readonly isWanted?: (node: string, layer: string) => boolean
  /** Where the origin is: nobody is to be refused there. */
  readonly originHost?: () => string
}

export interface NodeRegistryOptions {
  readonly heartbeatIntervalMs: number
  /** Heartbeats missed before a node counts as lost. */
  readonly lostAfterHeartbeats: number
  readonly reachabilityIntervalMs: number
  readonly reachabilityTimeoutMs: number
  readonly limit: number
}

/** An inventory is a report, repeated every few seconds; it is kept so that a restarted seed is not blind meanwhile. */
const INVENTORY_SAVE_MS = 60_000

/** The compute nodes: who they are, whether they are well, and what they hold. */
export class NodeRegistry {
  readonly #deps: Required<NodeRegistryDeps>
  readonly #options: NodeRegistryOptions
  readonly #table: NodeTable
  readonly #checks: ReachabilityChecks

  constructor(deps: NodeRegistryDeps, options: NodeRegistryOptions) {
    this.#deps = { check: checkReachability, isWanted: () => true, originHost: () => '', ...deps }
    this.#options = options
    const { reachabilityIntervalMs: intervalMs, reachabilityTimeoutMs: timeoutMs } = options
    this.#table = new NodeTable(this.#deps.originHost)
    this.#checks = new ReachabilityChecks({ ...this.#deps, table: this.#table }, { intervalMs, timeoutMs })
  }

  /** Reads what is kept. */
  open(): Promise<void> {
    return this.#table.open(this.#deps)
  }

  has(id: string): boolean {
    return this.#table.has(id)
  }

  get(id: string): Node | undefined {
    const entry = this.#table.find(id)
    return entry && nodeOf(entry, this.#isDrained(entry))
  }

  /** Every node, ordered by name. */
  list(): Node[] {
    return [...this.#table.ids()].sort().flatMap((id) => this.get(id) ?? [])
  }

  /** Every node, in no order. */
  *reports(): Generator<NodeReport> {
    for (const entry of this.#table.entries()) yield reportOf(entry)
  }

  /** How many nodes are in each state; those that were drained and are gone are away. */
  counts(): Record<Node['state'] | 'away', number> {
    const counts = { ready: 0, unreachable: 0, lost: 0, away: 0 }
    for (const entry of this.#table.entries()) {
      const state = stateOf(entry.record)
      counts[state !== 'ready' && this.#isDrained(entry) ? 'away' : state] += 1
    }
    return counts
  }

  /** How many nodes are in each mode. */
  modeCounts(): Record<NodeMode, number> {
    const counts = { active: 0, draining: 0, quarantined: 0 }
    for (const { record } of this.#table.entries()) counts[modeOf(record)] += 1
    return counts
  }

  /** Whether a node takes part; one that nobody knows does. */
  isActive(id: string): boolean {
    const entry = this.#table.find(id)
    return entry === undefined || modeOf(entry.record) === 'active'
  }

  /** Throws `SHOAL_NODE_UNKNOWN`. */
  mode(id: string): NodeModeStatus {
    const entry = this.#table.get(id)
    return modeStatus(entry.record, this.#isDrained(entry))
  }

  /** What a node is told of its own mode; undefined when nobody ever set it. */
  toldMode(id: string): ToldNodeMode | undefined {
    const mode = this.#table.find(id)?.record.mode
    return mode && { mode: mode.mode, reason: mode.reason, since: mode.since }
  }

  /** Every node in quarantine, as the others are told of it. */
  refused(): readonly RefusedNode[] {
    return this.#table.refused()
  }

  /** Sets a node's mode; the given operations go into the same durable step. Throws `SHOAL_NODE_UNKNOWN`. */
  async setMode(id: string, mode: NewMode, operations: readonly StateOperation[]): Promise<void> {
    const { journal, clock } = this.#deps
    const entry = this.#table.get(id)
    const before = modeOf(entry.record)
    const since = new Date(clock.now()).toISOString()
    this.#table.replace(entry, { ...entry.record, mode: { ...mode, since } })
    await journal.append([modeEvent(id, before, mode)], [...operations, putNode(entry.record)])
  }

  /** What all nodes that are not lost receive. Bytes per second. */
  totalRate(): number {
    let sum = 0
    for (const { record, known } of this.#table.entries()) {
      if (!record.isLost) sum += known.inventory?.downBytesPerSecond ?? 0
    }
    return sum
  }

  /** Where the node with this BitTorrent peer id is. */
  placeOfPeer(
    peerId: string,
  ): { node: string; address: string; zone: string; rack: string; isSource: boolean } | undefined {
    const record = this.#table.withPeerId(peerId)
    if (record === undefined) return undefined
    const { swarmAddress: address, zone, rack } = record.registration
    return { node: record.id, address, zone, rack, isSource: modeOf(record) !== 'quarantined' }
  }

  /** The node at this address, by its host; where several nodes are, the one of that name among them. */
  nodeAt(address: string, name: string): string | undefined {
    return this.#table.at(address, name)
  }

  /** DHT addresses of nodes that are well. */
  dhtAddresses(options: { except: string; limit: number }): string[] {
    return this.#table.dhtAddresses(options)
  }

  /** Names of the nodes that hold some of a layer, be they lost. */
  holdersOf(layer: string): string[] {
    return [...this.#table.holdings.of(layer)]
  }

  /** Swarm addresses of nodes that hold some of a layer and are not in quarantine: of the same rack first, then the same zone, then any. */
  holders(layer: string, options: { node: string; limit: number }): string[] {
    return this.#table.sources(layer, options)
  }

  /** How many nodes hold all, and how many hold a part, of a layer. */
  holdings(layer: string): { complete: number; partial: number } {
    return this.#table.holdings.count(layer)
  }

  /** By node: the bytes that it holds of a layer, Infinity when that is all; 0 where it is only wanted yet. */
  bytesByNode(layer: string): ReadonlyMap<string, number> {
    return this.#table.holdings.bytesByNode(layer)
  }

  /** How many nodes that are active and not lost hold all of a layer, as seen from a place. */
  replicasAround(layer: string, place: Place): Replicas {
    return this.#table.holdings.around(layer, place)
  }

  /** Where else a layer is, as seen from a node: other nodes that hold all of it, are active and not lost. */
  replicas(layer: string, node: string): Replicas {
    return this.#table.holdings.replicas(layer, node)
  }

  /** Takes a node in, or what it says anew; tells what came of connecting to it. Throws `SHOAL_NODES_FULL`. */
  async register(
    id: string,
    registration: NodeRegistration,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<Reachability> {
    const { clock, journal } = this.#deps
    this.#checkRoom(id)
    const found = await this.#checks.check(registration.swarmAddress, signal)
    signal?.throwIfAborted()
    // Others may have registered meanwhile.
    this.#checkRoom(id)
    const before = this.#table.find(id)
    const now = clock.now()
    const heardAt = clock.elapsed()
    const record: NodeRecord = {
      id,
      registration,
      reachable: found.reachable,
      reachability: found.message,
      isLost: false,
      lastSeenAt: new Date(now).toISOString(),
      ...(before?.record.mode && { mode: before.record.mode }),
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
    const times = { seenAt: now, heardAt, checkedAt: heardAt }
    if (before === undefined) this.#table.put(newEntry(record, times))
    else this.#table.replace(Object.assign(before, times), record)
    await journal.append(drafts, [putNode(record)])
    return found
  }

  /** What would be known of a node after its report, as {@link mergeReport}. Throws `SHOAL_NODE_UNKNOWN`. */
  merge(id: string, body: Pick<Heartbeat, 'inventory' | 'report'>): MergedInventory | undefined {
    return mergeReport(this.#table.get(id).known, body)
  }

  /** What the seed knows of a node's layers, for the node. */
  reported(id: string): ReportedInventory {
    const { sequence, digest = null } = this.#table.get(id).known
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
    const entry = this.#table.get(id)
    const { events } = body
    const now = this.#deps.clock.now()
    const heardAt = this.#deps.clock.elapsed()
    Object.assign(entry, { seenAt: now, heardAt })
    if (merged !== undefined) this.#table.take(entry, merged)
    const at = new Date(now).toISOString()
    const told = entry.record.mode && noteDrained(id, entry.record.mode, { isDrained: this.#isDrained(entry), at })
    const record = { ...entry.record, isLost: false, lastSeenAt: at, ...(told && { mode: told.record }) }
    const drafts = [...transition(entry.record, record), ...entry.events.tell(events), ...(told?.drafts ?? [])]
    const isOther = entry.record.isLost || entry.record.mode !== record.mode
    const changes = isOther ? [...operations, putNode(record)] : operations
    this.#table.replace(entry, record)
    const isDue = heardAt - entry.inventorySavedAt >= INVENTORY_SAVE_MS
    if (drafts.length + changes.length > 0) await this.#deps.journal.append(drafts, changes)
    const { inventory, digest } = entry.known
    if (!isDue || inventory === null) return
    entry.inventorySavedAt = heardAt
    const value: SavedInventory = { ...inventory, ...(digest === undefined ? {} : { layersDigest: digest }) }
    const saved: StateOperation[] = [{ type: 'put', key: INVENTORIES + id, value }, putNode(record)]
    await this.#deps.state.batch(saved, { durable: false })
  }

  /** Forgets a node; the given operations go into the same durable step. */
  async remove(id: string, operations: readonly StateOperation[], actor?: Actor): Promise<void> {
    const entry = this.#table.get(id)
    this.#table.remove(entry)
    const deletes: StateOperation[] = [NODES, INVENTORIES].map((prefix) => ({ type: 'delete', key: prefix + id }))
    const message = `Node ${id} was taken out of the fleet.`
    await this.#deps.journal.append([{ type: 'node.removed', actor, node: id, message }], [...deletes, ...operations])
  }

  /** Marks nodes without heartbeats as lost; resolves with the swarm addresses of those that it marked. */
  async markLost(): Promise<string[]> {
    const { clock, journal } = this.#deps
    const { heartbeatIntervalMs, lostAfterHeartbeats } = this.#options
    const now = clock.elapsed()
    const drafts: EventDraft[] = []
    const operations: StateOperation[] = []
    const addresses: string[] = []
    for (const entry of this.#table.entries()) {
      if (entry.record.isLost || now - entry.heardAt <= heartbeatIntervalMs * lostAfterHeartbeats) continue
      const record = { ...entry.record, isLost: true }
      drafts.push(...transition(entry.record, record))
      this.#table.replace(entry, record)
      operations.push(putNode(record))
      addresses.push(record.registration.swarmAddress)
    }
    if (operations.length > 0) await journal.append(drafts, operations)
    return addresses
  }

  /** Connects again to the nodes whose last check is old. Takes long when a firewall swallows the attempts. */
  checkReachable(call: { signal: AbortSignal }): Promise<void> {
    return this.#checks.again(call)
  }

  #checkRoom(id: string): void {
    const { limit } = this.#options
    if (!this.#table.has(id) && this.#table.size >= limit) throw seedError('SHOAL_NODES_FULL', { limit })
  }

  /** What a node told before its mode was set may be over. */
  #isDrained({ record, known, seenAt }: NodeEntry): boolean {
    const { isWanted } = this.#deps
    const { id, mode } = record
    if (mode === undefined || mode.mode === 'active' || seenAt <= Date.parse(mode.since)) return false
    return isIdle(known.inventory, (layer) => isWanted(id, layer))
  }
}

function newEntry(record: NodeRecord, times: Pick<NodeEntry, 'seenAt' | 'heardAt' | 'checkedAt'>): NodeEntry {
  const events = new NodeEvents(record.id)
  return { record, known: NOTHING_KNOWN, ...times, inventorySavedAt: Number.NEGATIVE_INFINITY, events }
}
