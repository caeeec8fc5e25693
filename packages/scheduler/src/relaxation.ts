import { type Flow, leastCostFlow } from './least-cost-flow.ts'
import type { PlacementProblem } from './placement-problem.ts'

/** What is decided of a layer on a node: nothing, that it is brought there, that no VM uses it there. */
export const UNDECIDED = 0
export const OPEN = 1
export const CLOSED = 2

/** By layer, then by node. */
export type Decisions = readonly Uint8Array[]

/** By layer, then by node: over how many VMs the cost of bringing it there is spread. */
export type Sharers = readonly Float64Array[]

/** The most VMs that can share each layer on each node: with these no placement costs less than the relaxed one. */
export function mostSharers({ vms, chains, costs, slots }: PlacementProblem): Sharers {
  return costs.map((_, layer) => {
    const users = chains.reduce((sum, chain, image) => sum + (chain.includes(layer) ? (vms[image] ?? 0) : 0), 0)
    return Float64Array.from(slots, (count) => Math.max(1, Math.min(count, users)))
  })
}

export interface Relaxed {
  readonly flow: Flow
  /** Of the flow, with all that is open. */
  readonly cost: number
}

/** Places the VMs as if each paid its share of what it brings along, which is a flow of least cost. */
export function relax(problem: PlacementProblem, sharers: Sharers, decisions?: Decisions): Relaxed {
  const { vms, chains, costs, waitShare, slots, loads, spreadCost } = problem
  let openCost = 0
  const shares = costs.map((row, layer) => {
    const decided = decisions?.[layer]
    return row.map((cost, node) => {
      const decision = decided?.[node] ?? UNDECIDED
      if (decision === CLOSED) return Number.POSITIVE_INFINITY
      if (decision === OPEN) {
        openCost += cost
        return waitShare * cost
      }
      return cost / (sharers[layer]?.[node] ?? 1) + waitShare * cost
    })
  })
  const unitCosts = chains.map((chain) => {
    const sums = new Float64Array(slots.length)
    for (const layer of chain) {
      const share = shares[layer]
      if (share !== undefined)
        for (let node = 0; node < sums.length; node += 1) sums[node] = at(sums, node) + at(share, node)
    }
    return sums
  })
  const flow = leastCostFlow({ units: vms, unitCosts, slots, loads, spreadCost })
  return { flow, cost: flow.cost + openCost }
}

function at(row: Float64Array, index: number): number {
  return row[index] ?? 0
}
