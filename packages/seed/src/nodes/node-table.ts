import type { RefusedNode } from '@shoal/api'
import type { Clock } from '@shoal/core'
import type { StateStore } from '@shoal/state'
import { seedError } from '../errors.ts'
import { Holdings } from './holdings.ts'
import type { MergedInventory } from './merge-report.ts'
import { INVENTORIES, NODES, NOTHING_KNOWN, type NodeEntry, type SavedInventory } from './node-entry.ts'
import { NodeEvents } from './node-events.ts'
import { modeOf } from './node-mode.ts'
import { type NodeRecord, stateOf } from './node-record.ts'
import { refusedNodes } from './refused-nodes.ts'
import { type Source, SourceHints } from './source-hints.ts'
import { hostOfAddress } from './swarm-host.ts'

/** The nodes in memory, and who is where with what: kept in order with each change, so that no question costs a look at all that is known. */
export class NodeTable {
  readonly #entries = new Map<string, NodeEntry>()
  readonly #byPeerId = new Map<string, string>()
  /** Who holds what. */
  readonly holdings = new Holdings({ onHolders: (layer) => this.#sources.forget(layer) })
  readonly #sources = new SourceHints((layer) => this.#sourcesOf(layer))
  readonly #originHost: () => string
  /** Made when it is asked for, which is with each desired state; anew after a registration or another mode. */
  #refused: readonly RefusedNode[] | undefined

  constructor(originHost: () => string) {
    this.#originHost = originHost
  }

  /** Reads what is kept. */
  async open({ state, clock }: { state: StateStore; clock: Clock }): Promise<void> {
    const seenAt = clock.now()
    for await (const { value: record } of state.range<NodeRecord>({ prefix: NODES })) {
      // A node has the usual time to show that it lives: the seed was away, not the node.
      this.put({
        record,
        known: NOTHING_KNOWN,
        seenAt: record.isLost ? Date.parse(record.lastSeenAt) : seenAt,
        heardAt: clock.elapsed(),
        checkedAt: Number.NEGATIVE_INFINITY,
        inventorySavedAt: Number.NEGATIVE_INFINITY,
        events: new NodeEvents(record.id),
      })
    }
    for await (const { key, value } of state.range<SavedInventory>({ prefix: INVENTORIES })) {
      const entry = this.#entries.get(key.slice(INVENTORIES.length))
      if (entry === undefined) continue
      // The sequence is not kept: what was overtaken before a restart does not come any more.
      const { layersDigest: digest, ...inventory } = value
      this.take(entry, { inventory, digest, sequence: 0, changes: undefined })
    }
  }

  get size(): number {
    return this.#entries.size
  }

  has(id: string): boolean {
    return this.#entries.has(id)
  }

  find(id: string): NodeEntry | undefined {
    return this.#entries.get(id)
  }

  /** Throws `SHOAL_NODE_UNKNOWN`. */
  get(id: string): NodeEntry {
    const entry = this.#entries.get(id)
    if (entry === undefined) throw seedError('SHOAL_NODE_UNKNOWN', { node: id })
    return entry
  }

  ids(): Iterable<string> {
    return this.#entries.keys()
  }

  /** In no order. */
  entries(): Iterable<NodeEntry> {
    return this.#entries.values()
  }

  /** Takes a node in; one of its name is to be removed or replaced. */
  put(entry: NodeEntry): void {
    const { record } = entry
    this.#entries.set(record.id, entry)
    this.#byPeerId.set(record.registration.swarmPeerId, record.id)
    this.#locate(record)
  }

  /** Sets what is known of a node but for its inventory. */
  replace(entry: NodeEntry, record: NodeRecord): void {
    const before = entry.record
    entry.record = record
    if (before.registration !== record.registration) {
      this.#forgetPeerId(before)
      this.#byPeerId.set(record.registration.swarmPeerId, record.id)
    } else if (stateOf(before) === stateOf(record) && modeOf(before) === modeOf(record)) return
    this.#locate(record)
  }

  /** Sets its inventory. */
  take(entry: NodeEntry, { inventory, digest, sequence, changes }: MergedInventory): void {
    entry.known = { inventory, digest, sequence }
    const { id } = entry.record
    if (changes === undefined) this.holdings.put(id, inventory.layers)
    else this.holdings.change(id, changes.layers, changes.gone)
  }

  remove({ record }: NodeEntry): void {
    this.#entries.delete(record.id)
    this.#forgetPeerId(record)
    this.holdings.remove(record.id)
    this.#forgetHints()
  }

  /** Every node in quarantine, as the others are told of it. */
  refused(): readonly RefusedNode[] {
    this.#refused ??= refusedNodes(
      [...this.#entries.values()].map(({ record }) => record),
      this.#originHost(),
    )
    return this.#refused
  }

  /** The node with this BitTorrent peer id. */
  withPeerId(peerId: string): NodeRecord | undefined {
    return this.#entries.get(this.#byPeerId.get(peerId) ?? '')?.record
  }

  /** The node at this address, by its host; where several nodes are, the one of that name among them. */
  at(address: string, name: string): string | undefined {
    const host = hostOfAddress(address)
    const isAt = ({ record }: NodeEntry) => hostOfAddress(record.registration.swarmAddress) === host
    const named = this.#entries.get(name)
    if (named !== undefined && isAt(named)) return name
    const there = [...this.#entries.values()].filter(isAt)
    return there.length === 1 ? there[0]?.record.id : undefined
  }
  /** DHT addresses of nodes that are well. */
  dhtAddresses({ except, limit }: { except: string; limit: number }): string[] {
    const addresses: string[] = []
    for (const { record } of this.#entries.values()) {
      if (addresses.length >= limit) break
      const { dhtAddress } = record.registration
      if (record.id === except || dhtAddress === null || modeOf(record) === 'quarantined') continue
      if (stateOf(record) === 'ready') addresses.push(dhtAddress)
    }
    return addresses
  }

  /** Swarm addresses of nodes that hold some of a layer and are not in quarantine: of the same rack first, then the same zone, then any. */
  sources(layer: string, { node, limit }: { node: string; limit: number }): string[] {
    return this.#sources.near(layer, { node, place: this.#entries.get(node)?.record.registration, limit })
  }

  *#sourcesOf(layer: string): Generator<Source> {
    for (const node of this.holdings.of(layer)) {
      const record = this.#entries.get(node)?.record
      if (record === undefined || stateOf(record) !== 'ready') continue
      const { zone, rack, swarmAddress: address } = record.registration
      yield { node, address, zone, rack }
    }
  }

  /** What a lost node holds, nobody can fetch from it; what one that drains holds goes with it. */
  #locate(record: NodeRecord): void {
    const { id, isLost, registration } = record
    const { zone, rack } = registration
    const mode = modeOf(record)
    this.holdings.locate(id, isLost || mode !== 'active' ? undefined : { zone, rack })
    this.holdings.setTrusted(id, mode !== 'quarantined')
    this.#forgetHints()
  }

  #forgetHints(): void {
    this.#refused = undefined
    this.#sources.forget()
  }

  /** A machine that was cloned with its peer's state has the same peer id; the other keeps it. */
  #forgetPeerId({ id, registration }: NodeRecord): void {
    if (this.#byPeerId.get(registration.swarmPeerId) === id) this.#byPeerId.delete(registration.swarmPeerId)
  }
}
