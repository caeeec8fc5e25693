import type { Inventory, Node, NodeMode } from '@shoal/api'
import type { StateOperation } from '@shoal/state'
import type { KnownInventory } from './merge-report.ts'
import type { NodeEvents } from './node-events.ts'
import { modeOf, modeStatus } from './node-mode.ts'
import { type NodeRecord, stateOf } from './node-record.ts'

/** A node in memory. */
export interface NodeEntry {
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

/** An inventory as it is kept, with the digest of its layers; earlier versions kept none. */
export interface SavedInventory extends Inventory {
  readonly layersDigest?: string
}

/** Keys of the state store begin so, and a node's name follows. */
export const NODES = 'seed/node/'
export const INVENTORIES = 'seed/inventory/'
export const NOTHING_KNOWN: KnownInventory = { inventory: null, digest: undefined, sequence: 0 }

export function putNode(record: NodeRecord): StateOperation {
  return { type: 'put', key: NODES + record.id, value: record }
}

/** A node as the API shows it. */
export function nodeOf({ record, known, seenAt }: NodeEntry, isDrained: boolean): Node {
  const { id, registration, reachability } = record
  const lastSeenAt = record.isLost ? record.lastSeenAt : new Date(seenAt).toISOString()
  const mode = modeStatus(record, isDrained)
  return { id, ...registration, state: stateOf(record), mode, lastSeenAt, reachability, inventory: known.inventory }
}

export function reportOf({ record, known, heardAt }: NodeEntry): NodeReport {
  const { zone, rack, aggregates, capacityBytes, linkBytesPerSecond } = record.registration
  const links = { capacityBytes, linkBytesPerSecond }
  const { id, isLost } = record
  return { id, zone, rack, aggregates, ...links, inventory: known.inventory, mode: modeOf(record), isLost, heardAt }
}
