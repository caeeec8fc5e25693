import { type LayerInventory, MAX_RACK_FLOWS, type Node, type RackFlow } from '@shoal/api'

type FlowSums = { -readonly [K in keyof RackFlow]: RackFlow[K] }

/** What moved, and moves, of a layer from rack to rack, and from the seed to racks, by what nodes that receive say. */
export class RackFlows {
  readonly #layer: string
  readonly #flows = new Map<string, FlowSums>()

  constructor(layer: string) {
    this.#layer = layer
  }

  add(node: Node, { arrivals, fromOriginBytes }: LayerInventory): void {
    const nowhere = { zone: '', rack: '' }
    if (fromOriginBytes > 0) this.#flow(node, nowhere, true).bytes += fromOriginBytes
    for (const { zone, rack, bytes } of arrivals?.racks ?? []) this.#flow(node, { zone, rack }, false).bytes += bytes
    if (node.state === 'lost') return
    for (const { layer, zone, rack, isOrigin, bytesPerSecond } of node.inventory?.flows ?? []) {
      if (layer === this.#layer) this.#flow(node, { zone, rack }, isOrigin).bytesPerSecond += bytesPerSecond
    }
  }

  /** The largest first. */
  list(): RackFlow[] {
    const all = [...this.#flows.values()]
    return all.sort((a, b) => b.bytesPerSecond - a.bytesPerSecond || b.bytes - a.bytes).slice(0, MAX_RACK_FLOWS)
  }

  #flow({ zone, rack }: Node, from: FlowSums['from'], isOrigin: boolean): FlowSums {
    const key = JSON.stringify([isOrigin, from.zone, from.rack, zone, rack])
    const flow = this.#flows.get(key) ?? { from, isOrigin, zone, rack, bytes: 0, bytesPerSecond: 0 }
    this.#flows.set(key, flow)
    return flow
  }
}
