import type { Digest } from '@shoal/core'
import type { Fleet, FleetNode, FleetRack, PlanLayer } from './fleet.ts'

/** The rack of nodes that are in none. */
export const NO_RACK = 0

/**
 * A fleet and the layers that are wanted, by number, so that ten thousand nodes times a hundred layers stay small and
 * quick.
 */
export class FleetTable {
  readonly fleet: Fleet
  readonly nodes: readonly FleetNode[]
  readonly layers: readonly PlanLayer[]
  /** By rack; none is known of the first, which is no rack. */
  readonly uplinks: readonly (FleetRack | undefined)[]
  readonly #rackOf: Int32Array
  readonly #nodes: ReadonlyMap<string, number>
  readonly #layers: ReadonlyMap<Digest, number>
  readonly #sizes: Float64Array
  readonly #boots: Float64Array
  /** By layer, then by node. */
  readonly #held: readonly Float64Array[]

  constructor(fleet: Fleet, layers: readonly PlanLayer[]) {
    this.fleet = fleet
    this.nodes = fleet.nodes
    this.layers = layers
    this.#nodes = new Map(fleet.nodes.map(({ node }, index) => [node, index]))
    this.#layers = new Map(layers.map(({ digest }, index) => [digest, index]))
    const racks = new Map<string | undefined, number>([[undefined, NO_RACK]])
    this.#rackOf = Int32Array.from(fleet.nodes, ({ rack }) => {
      const known = racks.get(rack) ?? racks.size
      racks.set(rack, known)
      return known
    })
    const uplinks = new Map(fleet.racks.map((uplink) => [uplink.rack, uplink]))
    this.uplinks = [...racks.keys()].map((rack) => (rack === undefined ? undefined : uplinks.get(rack)))
    this.#sizes = Float64Array.from(layers, ({ sizeBytes }) => sizeBytes)
    this.#boots = Float64Array.from(layers, ({ bootBytes, pieceLengthBytes, sizeBytes }) => {
      return Math.min(sizeBytes, Math.ceil(bootBytes / pieceLengthBytes) * pieceLengthBytes)
    })
    this.#held = layers.map(() => new Float64Array(fleet.nodes.length))
    for (const [index, { holds }] of fleet.nodes.entries()) {
      for (const { layer, heldBytes } of holds) {
        const number = this.#layers.get(layer)
        const held = number === undefined ? undefined : this.#held[number]
        if (number !== undefined && held !== undefined) held[index] = Math.min(heldBytes, this.sizeBytes(number))
      }
    }
  }

  node(name: string): number | undefined {
    return this.#nodes.get(name)
  }

  layer(digest: Digest): number | undefined {
    return this.#layers.get(digest)
  }

  nameOf(node: number): string {
    return this.nodes[node]?.node ?? ''
  }

  rackOf(node: number): number {
    return this.#rackOf[node] ?? NO_RACK
  }

  isAlive(node: number): boolean {
    return this.nodes[node]?.isAlive ?? false
  }

  sizeBytes(layer: number): number {
    return this.#sizes[layer] ?? 0
  }

  /** What a boot reads of a layer, in whole pieces, as they are fetched. */
  bootBytes(layer: number): number {
    return this.#boots[layer] ?? 0
  }

  /** Number of a middle's base. */
  parent(layer: number): number | undefined {
    const digest = this.layers[layer]?.parent
    return digest === undefined ? undefined : this.#layers.get(digest)
  }

  heldBytes(layer: number, node: number): number {
    return this.#held[layer]?.[node] ?? 0
  }

  lackingBytes(layer: number, node: number): number {
    return this.sizeBytes(layer) - this.heldBytes(layer, node)
  }

  /** What the seed has yet to read from the library. */
  unreadBytes(layer: number): number {
    const digest = this.layers[layer]?.digest
    const held = this.fleet.seed.holds.find((one) => one.layer === digest)?.heldBytes ?? 0
    return Math.max(0, this.sizeBytes(layer) - held)
  }
}
