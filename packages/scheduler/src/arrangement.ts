import { layersOn } from './layers-on.ts'
import { loadCost } from './least-cost-flow.ts'
import type { PlacementProblem } from './placement-problem.ts'

/** VMs on nodes, and what they cost there: each layer once a node, however many VMs use it. */
export class Arrangement {
  readonly problem: PlacementProblem
  /** By image, then by node. */
  readonly counts: readonly Int32Array[]
  /** By node. */
  readonly totals: Int32Array
  /** By layer, then by node: how many VMs use it there. */
  readonly #users: readonly Int32Array[]

  constructor(problem: PlacementProblem, counts: readonly Int32Array[]) {
    this.problem = problem
    const nodes = problem.slots.length
    this.counts = problem.vms.map(() => new Int32Array(nodes))
    this.totals = new Int32Array(nodes)
    this.#users = problem.costs.map(() => new Int32Array(nodes))
    for (const [image, row] of counts.entries()) {
      for (const [node, count] of row.entries()) if (count > 0) this.add(image, node, count)
    }
  }

  /** Puts so many VMs of an image on a node; fewer than none takes them away. */
  add(image: number, node: number, vms: number): void {
    bump(this.counts[image], node, vms)
    bump(this.totals, node, vms)
    for (const layer of layersOn(this.problem, image, node)) bump(this.#users[layer], node, vms)
  }

  count(image: number, node: number): number {
    return this.counts[image]?.[node] ?? 0
  }

  users(layer: number, node: number): number {
    return this.#users[layer]?.[node] ?? 0
  }

  freeSlots(node: number): number {
    return (this.problem.slots[node] ?? 0) - (this.totals[node] ?? 0)
  }

  /** What so many more users of a layer would cost on a node: fewer than none save something. */
  layerChange(layer: number, node: number, vms: number): number {
    const cost = this.problem.costs[layer]?.[node] ?? 0
    const users = this.users(layer, node)
    const brought = Number(users + vms > 0) - Number(users > 0)
    return cost * (brought + this.problem.waitShare * vms)
  }

  /** What so many more VMs of an image would cost on a node because of its layers. */
  imageChange(image: number, node: number, vms: number): number {
    let cost = 0
    for (const layer of layersOn(this.problem, image, node)) cost += this.layerChange(layer, node, vms)
    return cost
  }

  /** What a change of the number of VMs on a node costs for balance. */
  spreadChange(node: number, vms: number): number {
    const [load, total] = [this.problem.loads[node] ?? 0, this.totals[node] ?? 0]
    return this.problem.spreadCost * (loadCost(load, total + vms) - loadCost(load, total))
  }

  /** What has to be moved. */
  transferCost(): number {
    let cost = 0
    for (const [layer, row] of this.#users.entries()) {
      for (const [node, users] of row.entries()) if (users > 0) cost += this.problem.costs[layer]?.[node] ?? 0
    }
    return cost
  }

  cost(): number {
    const { costs, loads, spreadCost, waitShare } = this.problem
    let [waiting, spread] = [0, 0]
    for (const [layer, row] of this.#users.entries()) {
      for (const [node, users] of row.entries()) if (users > 0) waiting += users * (costs[layer]?.[node] ?? 0)
    }
    for (const [node, total] of this.totals.entries()) spread += loadCost(loads[node] ?? 0, total)
    return this.transferCost() + waitShare * waiting + spreadCost * spread
  }
}

function bump(row: Int32Array | undefined, at: number, by: number): void {
  if (row !== undefined) row[at] = (row[at] ?? 0) + by
}
