import type { Inventory, LayerInventory, NodeMode } from '@shoal/api'
import { type Digest, ManualClock } from '@shoal/core'
import { Holdings } from '../../src/nodes/holdings.ts'
import type { NodeReport } from '../../src/nodes/node-entry.ts'
import { FleetCaches } from '../../src/placement/fleet-caches.ts'
import { buildHeld, buildLayerRecord } from '../nodes/known-layers.ts'

export const HEARTBEAT_MS = 1000
export const SIZE = 1000

export interface SimulatedNode {
  readonly id: string
  readonly rack?: string
  readonly zone?: string
  readonly aggregates?: readonly string[]
  readonly layers?: readonly LayerInventory[]
  readonly inventory?: Partial<Inventory> | null
  readonly isLost?: boolean
  readonly heardAt?: number
  readonly capacityBytes?: number
  readonly mode?: NodeMode
}

/** Nodes that hold what they are said to hold, behind the real bookkeeping. */
export function simulateCaches(nodes: readonly SimulatedNode[], clock = new ManualClock()) {
  const holdings = new Holdings()
  const reports = nodes.map((node): NodeReport => {
    const {
      id,
      rack = 'r1',
      zone = 'z1',
      layers = [],
      inventory = {},
      isLost = false,
      heardAt = clock.elapsed(),
    } = node
    holdings.locate(id, isLost ? undefined : { zone, rack })
    holdings.put(id, layers)
    const idle = { diskFreeBytes: 0, diskUsedBytes: 0, downBytesPerSecond: 0, upBytesPerSecond: 0, load1: 0 }
    const told = inventory === null ? null : { layers: [...layers], ...idle, ...inventory }
    const { aggregates, capacityBytes = 1e6, mode = 'active' } = node
    const state = { mode, isLost, heardAt }
    return { id, zone, rack, aggregates, capacityBytes, linkBytesPerSecond: null, inventory: told, ...state }
  })
  const registry = {
    has: (id: string) => reports.some((node) => node.id === id),
    reports: function* () {
      yield* reports
    },
    bytesByNode: (layer: string) => holdings.bytesByNode(layer),
    replicasAround: (layer: string, place: { zone: string; rack: string }) => holdings.around(layer, place),
  }
  const options = { heartbeatIntervalMs: HEARTBEAT_MS, linkBytesPerSecond: 1000 }
  return { clock, registry, caches: new FleetCaches({ registry, clock }, options) }
}

export function buildLayer(digest: Digest, bootBytes = 0) {
  return buildLayerRecord(digest, { sizeBytes: SIZE, bootBytes })
}

export function buildHolding(digest: Digest, presentBytes = SIZE): LayerInventory {
  const state = presentBytes === SIZE ? 'complete' : 'fetching'
  return buildHeld(digest, { sizeBytes: SIZE, presentBytes, state })
}
