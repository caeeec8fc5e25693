/** Layers that make an image as well as its chain does. */
export interface OtherLayers {
  readonly layers: readonly number[]
  /** By node: 1 where VMs are started from these, in place of the chain. */
  readonly where: Uint8Array
}

/** VMs of several images, and the nodes on which they can go, by number. Costs are in bytes, or in whatever unit is one for all. */
export interface PlacementProblem {
  /** By image: how many VMs of it. */
  readonly vms: readonly number[]
  /** By image: the layers that it needs, by number. Images may share layers. */
  readonly chains: readonly (readonly number[])[]
  /** By image: what it is started from on some nodes in place of its chain; none when absent. */
  readonly others?: readonly (OtherLayers | undefined)[]
  /** By layer, then by node: what bringing the layer there costs, once for all VMs that use it there. */
  readonly costs: readonly Float64Array[]
  /** What each VM costs that waits for a layer, as a share of what bringing it there costs; not shared with others. */
  readonly waitShare: number
  /** By node: how many VMs it can take at most. */
  readonly slots: Int32Array
  /** By node: the VMs that it has already, or another measure of its load in which a VM counts 1. */
  readonly loads: Float64Array
  /**
   * What balance is worth: a VM on a node of load l costs l times so much, so that it is worth so many bytes to have it
   * on a node of one VM less.
   */
  readonly spreadCost: number
}

/** Throws a TypeError that names the first thing in a problem that contradicts itself. */
export function checkProblem({ vms, chains, others = [], costs, slots, loads, ...rates }: PlacementProblem): void {
  const nodes = slots.length
  if (chains.length !== vms.length) throw new TypeError(`${vms.length} images have ${chains.length} chains`)
  if (loads.length !== nodes) throw new TypeError(`${nodes} nodes have ${loads.length} loads`)
  for (const count of [...vms, ...slots]) {
    if (!(Number.isSafeInteger(count) && count >= 0)) throw new TypeError(`${count} is no number of VMs`)
  }
  for (const other of others) {
    if (other !== undefined && other.where.length !== nodes)
      throw new TypeError(`${nodes} nodes have ${other.where.length} forms`)
  }
  for (const layer of [...chains, ...others.map((other) => other?.layers ?? [])].flat()) {
    if (costs[layer]?.length !== nodes) throw new TypeError(`layer ${layer} has no cost for each of ${nodes} nodes`)
  }
  for (const row of [...costs, loads, [rates.spreadCost, rates.waitShare]]) {
    for (const value of row) {
      if (!(value >= 0 && Number.isFinite(value))) throw new TypeError(`${value} is no cost or load`)
    }
  }
}
