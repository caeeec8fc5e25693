import { layersOn } from './layers-on.ts'
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
export function mostSharers(problem: PlacementProblem): Sharers {
  const { vms, costs, slots } = problem
  const sharers = costs.map(() => new Float64Array(slots.length))
  for (const [image, count] of vms.entries()) {
    for (let node = 0; node < slots.length; node += 1) {
      for (const layer of layersOn(problem, image, node)) {
        const row = sharers[layer]
        if (row !== undefined) row[node] = at(row, node) + count
      }
    }
  }
  return sharers.map((row) => row.map((users, node) => Math.max(1, Math.min(slots[node] ?? 0, users))))
}

export interface Relaxed {
  readonly flow: Flow
  /** Of the flow, with all that is open. */
  readonly cost: number
}

/** Places the VMs as if each paid its share of what it brings along, which is a flow of least cost. */
export function relax(problem: PlacementProblem, sharers: Sharers, decisions?: Decisions): Relaxed {
  const { vms, chains, others, costs, waitShare, slots, loads, spreadCost } = problem
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
  const unitCosts = chains.map((chain, image) => {
    const sums = new Float64Array(slots.length)
    const other = others?.[image]
    for (const layer of chain) addShare(sums, shares[layer], (node) => other?.where[node] !== 1)
    for (const layer of other?.layers ?? []) addShare(sums, shares[layer], (node) => other?.where[node] === 1)
    return sums
  })
  const flow = leastCostFlow({ units: vms, unitCosts, slots, loads, spreadCost })
  return { flow, cost: flow.cost + openCost }
}

function addShare(sums: Float64Array, share: Float64Array | undefined, isUsed: (node: number) => boolean): void {
  if (share === undefined) return
  for (let node = 0; node < sums.length; node += 1) if (isUsed(node)) sums[node] = at(sums, node) + at(share, node)
}

function at(row: Float64Array, index: number): number {
  return row[index] ?? 0
}
