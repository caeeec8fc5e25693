import type { Clock, Digest } from '@shoal/core'
import { busyShare, fullLayerCost, layerCost, type NearestCopy } from '@shoal/scheduler'
import type { LayerRecord } from '../images/catalogue.ts'
import type { NodeReport } from '../nodes/node-entry.ts'
import type { NodeRegistry } from '../nodes/node-registry.ts'
import type { Place } from '../nodes/replica-counts.ts'
import { loopTurns } from './loop-turns.ts'

export interface FleetCachesDeps {
  readonly registry: Pick<NodeRegistry, 'reports' | 'bytesByNode' | 'replicasAround'>
  readonly clock: Pick<Clock, 'elapsed'>
}

export interface FleetCachesOptions {
  readonly heartbeatIntervalMs: number
  /** Of nodes that tell none. */
  readonly linkBytesPerSecond: number
}

/** What can be asked of a layer; one that is still to be imported is one that nobody has. */
export type KnownLayer = Pick<LayerRecord, 'digest' | 'sizeBytes' | 'bootBytes'>

/** Nodes that report and are active, by number, and what starting a VM costs there because of each layer. */
export interface CacheLook {
  readonly nodes: readonly NodeReport[]
  /** By layer, then by node, in bytes from the seed. */
  readonly costs: ReadonlyMap<Digest, Float64Array>
  /** The same of bytes that are missing, whatever they cost; of layers that are on their way as well. */
  readonly missing: ReadonlyMap<Digest, Float64Array>
  /** By layer: what it costs where nothing of it is. */
  readonly fullCosts: ReadonlyMap<Digest, number>
  /** By node, in steps, so that it is not another each second. */
  readonly busy: Float64Array
}

/** A node that has not reported for so many heartbeats gets no VMs. */
const MISSED_HEARTBEATS = 3
const BUSY_STEPS = 8
const NODES_A_LOOK = 256

/** Looks at the caches of all nodes, a turn of the event loop at a time: what changes meanwhile is seen or is not. */
export class FleetCaches {
  readonly #deps: FleetCachesDeps
  readonly #options: FleetCachesOptions

  constructor(deps: FleetCachesDeps, options: FleetCachesOptions) {
    this.#deps = deps
    this.#options = options
  }

  /** Whether any node holds some of a layer, or is about to. */
  isHeld(layer: Digest): boolean {
    return this.#deps.registry.bytesByNode(layer).size > 0
  }

  async look(layers: readonly KnownLayer[], isWanted: (node: NodeReport) => boolean): Promise<CacheLook> {
    const turn = loopTurns()
    const nodes: NodeReport[] = []
    const reportedSince = this.#deps.clock.elapsed() - MISSED_HEARTBEATS * this.#options.heartbeatIntervalMs
    const numbers = new Map<string, number>()
    for (const node of this.#deps.registry.reports()) {
      if (node.mode !== 'active' || node.isLost || node.inventory === null) continue
      if (node.heardAt < reportedSince || !isWanted(node)) continue
      numbers.set(node.id, nodes.push(node) - 1)
      if (nodes.length % NODES_A_LOOK === 0) await turn()
    }
    const places = new Places(nodes)
    const arriving = new Int32Array(nodes.length)
    const [costs, missing] = [new Map<Digest, Float64Array>(), new Map<Digest, Float64Array>()]
    for (const layer of layers) {
      await turn()
      const rows = this.#rowsOf(layer, { numbers, places, arriving })
      costs.set(layer.digest, rows.costs)
      missing.set(layer.digest, rows.missing)
    }
    const busy = new Float64Array(nodes.length)
    for (const [number, node] of nodes.entries()) {
      busy[number] = this.#busy(node, arriving[number] ?? 0)
      if (number % NODES_A_LOOK === 0) await turn()
    }
    const fullCosts = new Map(layers.map((layer) => [layer.digest, fullLayerCost(layer)]))
    return { nodes, costs, missing, fullCosts, busy }
  }

  #rowsOf(
    { digest, sizeBytes, bootBytes }: KnownLayer,
    { numbers, places, arriving }: { numbers: ReadonlyMap<string, number>; places: Places; arriving: Int32Array },
  ): { costs: Float64Array; missing: Float64Array } {
    const nearest = places.all.map((place) => this.#nearest(digest, place))
    const layer = { sizeBytes, bootBytes, heldBytes: 0, isComing: false }
    const elsewhere = nearest.map((copy) => layerCost({ ...layer, nearest: copy }))
    const costs = new Float64Array(places.ofNode.length)
    for (let node = 0; node < costs.length; node += 1) costs[node] = elsewhere[places.ofNode[node] ?? 0] ?? 0
    const missing = new Float64Array(costs.length).fill(sizeBytes)
    for (const [node, bytes] of this.#deps.registry.bytesByNode(digest)) {
      const number = numbers.get(node)
      if (number === undefined) continue
      const isComing = bytes !== Number.POSITIVE_INFINITY
      const heldBytes = Math.min(bytes, sizeBytes)
      const copy = nearest[places.ofNode[number] ?? 0] ?? 'seed'
      costs[number] = isComing ? layerCost({ ...layer, heldBytes, isComing, nearest: copy }) : 0
      missing[number] = sizeBytes - heldBytes
      if (isComing) arriving[number] = (arriving[number] ?? 0) + 1
    }
    return { costs, missing }
  }

  #nearest(layer: Digest, place: Place): NearestCopy {
    const { rack, zone, elsewhere } = this.#deps.registry.replicasAround(layer, place)
    if (rack > 0) return 'rack'
    if (zone > 0) return 'zone'
    return elsewhere > 0 ? 'elsewhere' : 'seed'
  }

  #busy({ inventory, capacityBytes, linkBytesPerSecond }: NodeReport, arrivingLayers: number): number {
    if (inventory === null) return 0
    const link = Math.max(1, linkBytesPerSecond ?? this.#options.linkBytesPerSecond)
    const { downBytesPerSecond, upBytesPerSecond, diskUsedBytes } = inventory
    const share = busyShare({
      arrivingLayers,
      downShare: downBytesPerSecond / link,
      upShare: upBytesPerSecond / link,
      diskShare: capacityBytes === 0 ? 0 : diskUsedBytes / capacityBytes,
    })
    return Math.floor(share * BUSY_STEPS) / BUSY_STEPS
  }
}

/** Zones and racks, each once. */
class Places {
  readonly all: Place[] = []
  /** By node. */
  readonly ofNode: Int32Array

  constructor(nodes: readonly NodeReport[]) {
    const known = new Map<string, number>()
    this.ofNode = Int32Array.from(nodes, ({ zone, rack }) => {
      const key = `${zone}/${rack}`
      const number = known.get(key) ?? this.all.push({ zone, rack }) - 1
      known.set(key, number)
      return number
    })
  }
}
