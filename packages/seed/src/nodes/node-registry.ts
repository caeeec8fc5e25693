import type {
  Actor,
  Heartbeat,
  Inventory,
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
import { Holdings } from './holdings.ts'
import { type KnownInventory, type MergedInventory, mergeReport } from './merge-report.ts'
import { NodeEvents } from './node-events.ts'
import { isIdle, modeEvent, modeOf, modeStatus, type NewMode, noteDrained } from './node-mode.ts'
import { type NodeRecord, stateOf, transition } from './node-record.ts'
import { checkReachability, type Reachability } from './reachability.ts'
import { refusedNodes } from './refused-nodes.ts'
import type { Place } from './replica-counts.ts'
import { hostOfAddress } from './swarm-host.ts'

interface Entry {
  record: NodeRecord
  known: KnownInventory
  /** Milliseconds since the epoch, for people. */
  seenAt: number
  /** By the clock that nobody sets: setting the machine's makes nobody lost, and keeps nobody from being it. */
  heardAt: number
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
  readonly mode: NodeMode
  readonly isLost: boolean
  /** When its last heartbeat came, by the clock that nobody sets. Milliseconds. */
  readonly heardAt: number
}

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
  readonly #deps: Required<NodeRegistryDeps>
  readonly #options: NodeRegistryOptions
  readonly #nodes = new Map<string, Entry>()
  readonly #byPeerId = new Map<string, string>()
  readonly #holdings = new Holdings()
  /** Made when it is asked for, which is with each desired state; anew after a registration or another mode. */
  #refused: readonly RefusedNode[] | undefined

  constructor(deps: NodeRegistryDeps, options: NodeRegistryOptions) {
    this.#deps = { check: checkReachability, isWanted: () => true, originHost: () => '', ...deps }
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
        seenAt: record.isLost ? Date.parse(record.lastSeenAt) : seenAt,
        heardAt: clock.elapsed(),
        checkedAt: Number.NEGATIVE_INFINITY,
        inventorySavedAt: Number.NEGATIVE_INFINITY,
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
    return entry === undefined ? undefined : this.#toNode(entry)
  }

  /** Every node, ordered by name. */
  list(): Node[] {
    return [...this.#nodes.keys()].sort().flatMap((id) => this.get(id) ?? [])
  }

  /** Every node, in no order. */
  *reports(): Generator<NodeReport> {
    for (const { record, known, heardAt } of this.#nodes.values()) {
      const { inventory } = known
      const { zone, rack, aggregates, capacityBytes, linkBytesPerSecond } = record.registration
      const links = { capacityBytes, linkBytesPerSecond }
      const { id, isLost } = record
      yield { id, zone, rack, aggregates, ...links, inventory, mode: modeOf(record), isLost, heardAt }
    }
  }

  /** How many nodes are in each state; those that were drained and are gone are away. */
  counts(): Record<Node['state'] | 'away', number> {
    const counts = { ready: 0, unreachable: 0, lost: 0, away: 0 }
    for (const entry of this.#nodes.values()) {
      const state = stateOf(entry.record)
      counts[state !== 'ready' && this.#isDrained(entry) ? 'away' : state] += 1
    }
    return counts
  }

  /** How many nodes are in each mode. */
  modeCounts(): Record<NodeMode, number> {
    const counts = { active: 0, draining: 0, quarantined: 0 }
    for (const { record } of this.#nodes.values()) counts[modeOf(record)] += 1
    return counts
  }

  /** Whether a node takes part; one that nobody knows does. */
  isActive(id: string): boolean {
    const entry = this.#nodes.get(id)
    return entry === undefined || modeOf(entry.record) === 'active'
  }

  /** Throws `SHOAL_NODE_UNKNOWN`. */
  mode(id: string): NodeModeStatus {
    const entry = this.#entry(id)
    return modeStatus(entry.record, this.#isDrained(entry))
  }

  /** What a node is told of its own mode; undefined when nobody ever set it. */
  toldMode(id: string): ToldNodeMode | undefined {
    const mode = this.#nodes.get(id)?.record.mode
    return mode && { mode: mode.mode, reason: mode.reason, since: mode.since }
  }

  /** Every node in quarantine, as the others are told of it. */
  refused(): readonly RefusedNode[] {
    this.#refused ??= refusedNodes(
      [...this.#nodes.values()].map(({ record }) => record),
      this.#deps.originHost(),
    )
    return this.#refused
  }

  /** Sets a node's mode; the given operations go into the same durable step. Throws `SHOAL_NODE_UNKNOWN`. */
  async setMode(id: string, mode: NewMode, operations: readonly StateOperation[]): Promise<void> {
    const { journal, clock } = this.#deps
    const entry = this.#entry(id)
    const before = modeOf(entry.record)
    const since = new Date(clock.now()).toISOString()
    entry.record = { ...entry.record, mode: { ...mode, since } }
    this.#refused = undefined
    this.#locate(entry.record)
    await journal.append([modeEvent(id, before, mode)], [...operations, putNode(entry.record)])
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
  placeOfPeer(
    peerId: string,
  ): { node: string; address: string; zone: string; rack: string; isSource: boolean } | undefined {
    const record = this.#nodes.get(this.#byPeerId.get(peerId) ?? '')?.record
    if (record === undefined) return undefined
    const { swarmAddress: address, zone, rack } = record.registration
    return { node: record.id, address, zone, rack, isSource: modeOf(record) !== 'quarantined' }
  }

  /** The node at this address, by its host; where several nodes are, the one of that name among them. */
  nodeAt(address: string, name: string): string | undefined {
    const host = hostOfAddress(address)
    const isAt = ({ record }: Entry) => hostOfAddress(record.registration.swarmAddress) === host
    const named = this.#nodes.get(name)
    if (named !== undefined && isAt(named)) return name
    const there = [...this.#nodes.values()].filter(isAt)
    return there.length === 1 ? there[0]?.record.id : undefined
  }

  /** DHT addresses of nodes that are well. */
  dhtAddresses({ except, limit }: { except: string; limit: number }): string[] {
    const addresses: string[] = []
    for (const { record } of this.#nodes.values()) {
      if (addresses.length >= limit) break
      const { dhtAddress } = record.registration
      if (record.id === except || dhtAddress === null || modeOf(record) === 'quarantined') continue
      if (stateOf(record) === 'ready') addresses.push(dhtAddress)
    }
    return addresses
  }

  /** Names of the nodes that hold some of a layer, be they lost. */
  holdersOf(layer: string): string[] {
    return [...this.#holdings.of(layer)]
  }

  /** Swarm addresses of nodes that hold some of a layer and are not in quarantine: of the same rack first, then the same zone, then any. */
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

  /** How many nodes that are active and not lost hold all of a layer, as seen from a place. */
  replicasAround(layer: string, place: Place): Replicas {
    return this.#holdings.around(layer, place)
  }

  /** Where else a layer is, as seen from a node: other nodes that hold all of it, are active and not lost. */
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
    const entry: Entry = before ?? {
      record,
      known: NOTHING_KNOWN,
      seenAt: now,
      heardAt,
      checkedAt: heardAt,
      inventorySavedAt: Number.NEGATIVE_INFINITY,
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
    Object.assign(entry, { record, seenAt: now, heardAt, checkedAt: heardAt })
    this.#nodes.set(id, entry)
    this.#refused = undefined
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
    const heardAt = this.#deps.clock.elapsed()
    Object.assign(entry, { seenAt: now, heardAt })
    if (merged !== undefined) this.#take(entry, merged)
    const at = new Date(now).toISOString()
    const told = entry.record.mode && noteDrained(id, entry.record.mode, { isDrained: this.#isDrained(entry), at })
    const record = { ...entry.record, isLost: false, lastSeenAt: at, ...(told && { mode: told.record }) }
    const drafts = [...transition(entry.record, record), ...entry.events.tell(events), ...(told?.drafts ?? [])]
    const isOther = entry.record.isLost || entry.record.mode !== record.mode
    const changes = isOther ? [...operations, putNode(record)] : operations
    entry.record = record
    this.#locate(record)
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
    const entry = this.#entry(id)
    this.#nodes.delete(id)
    this.#refused = undefined
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
    const now = clock.elapsed()
    const drafts: EventDraft[] = []
    const operations: StateOperation[] = []
    const addresses: string[] = []
    for (const entry of this.#nodes.values()) {
      if (entry.record.isLost || now - entry.heardAt <= heartbeatIntervalMs * lostAfterHeartbeats) continue
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
    const now = this.#deps.clock.elapsed()
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
    entry.checkedAt = this.#deps.clock.elapsed()
    const record = { ...entry.record, reachable: found.reachable, reachability: found.message }
    const drafts = transition(entry.record, record)
    entry.record = record
    if (drafts.length > 0) await this.#deps.journal.append(drafts, [putNode(record)])
  }

  #checkRoom(id: string): void {
    const { limit } = this.#options
    if (!this.#nodes.has(id) && this.#nodes.size >= limit) throw seedError('SHOAL_NODES_FULL', { limit })
  }

  /** What a lost node holds, nobody can fetch from it; what one that drains holds goes with it. */
  #locate(record: NodeRecord): void {
    const { id, isLost, registration } = record
    const { zone, rack } = registration
    const mode = modeOf(record)
    this.#holdings.locate(id, isLost || mode !== 'active' ? undefined : { zone, rack })
    this.#holdings.setTrusted(id, mode !== 'quarantined')
  }

  /** What a node told before its mode was set may be over. */
  #isDrained({ record, known, seenAt }: Entry): boolean {
    const { isWanted } = this.#deps
    const { id, mode } = record
    if (mode === undefined || mode.mode === 'active' || seenAt <= Date.parse(mode.since)) return false
    return isIdle(known.inventory, (layer) => isWanted(id, layer))
  }

  #toNode(entry: Entry): Node {
    const { record, known, seenAt } = entry
    const { id, registration, reachability } = record
    const lastSeenAt = record.isLost ? record.lastSeenAt : new Date(seenAt).toISOString()
    const mode = modeStatus(record, this.#isDrained(entry))
    return { id, ...registration, state: stateOf(record), mode, lastSeenAt, reachability, inventory: known.inventory }
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
