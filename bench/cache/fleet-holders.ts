import type { Replicas } from '@shoal/cache'
import type { Trace } from './trace.ts'

/** Who holds what, as the seed would tell the nodes: exactly and at once. */
export class FleetHolders {
  readonly #trace: Trace
  readonly #held: readonly Uint8Array[]
  readonly #perRack: readonly Uint16Array[]
  readonly #perZone: readonly Uint16Array[]
  readonly #total: Uint16Array

  constructor(trace: Trace) {
    const { nodes, nodesPerRack, nodesPerZone, layers } = trace
    const counts = (groups: number) => Array.from({ length: groups }, () => new Uint16Array(layers.length))
    this.#trace = trace
    this.#held = Array.from({ length: nodes }, () => new Uint8Array(layers.length))
    this.#perRack = counts(Math.ceil(nodes / nodesPerRack))
    this.#perZone = counts(Math.ceil(nodes / nodesPerZone))
    this.#total = new Uint16Array(layers.length)
  }

  /** The node has got or lost a layer. */
  change(node: number, layer: number, by: 1 | -1): void {
    const { rack, zone } = this.#places(node)
    for (const counts of [this.#held[node], rack, zone, this.#total]) {
      if (counts !== undefined) counts[layer] = (counts[layer] ?? 0) + by
    }
  }

  /** Copies of a layer on other nodes than this one. */
  replicas(layer: number, node: number): Replicas {
    const places = this.#places(node)
    const [rack, zone] = [places.rack?.[layer] ?? 0, places.zone?.[layer] ?? 0]
    return {
      rack: rack - (this.#held[node]?.[layer] ?? 0),
      zone: zone - rack,
      elsewhere: (this.#total[layer] ?? 0) - zone,
    }
  }

  #places(node: number) {
    const { nodesPerRack, nodesPerZone } = this.#trace
    return {
      rack: this.#perRack[Math.floor(node / nodesPerRack)],
      zone: this.#perZone[Math.floor(node / nodesPerZone)],
    }
  }
}
