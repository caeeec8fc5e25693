import { Arrangement } from './arrangement.ts'
import type { PlacementProblem } from './placement-problem.ts'
import { CLOSED, mostSharers, OPEN, type Relaxed, relax, type Sharers, UNDECIDED } from './relaxation.ts'

/** Bounds and costs that differ by less than this share are the same. */
const SAME = 1e-9

export interface Branching {
  /** The best that was found, if it is better than what was known. */
  readonly best: Arrangement | undefined
  /** Whether all was looked at: nothing is better than the best. */
  readonly isComplete: boolean
}

/**
 * Branch and bound (Land and Doig 1960) over whether a layer is brought to a node: the relaxed placement says what is
 * the least that any choice below can cost. Depth first; ends when `maxSteps` of work are done.
 */
export function branch(
  problem: PlacementProblem,
  { known, root, maxWork }: { known: Arrangement; root: Relaxed; maxWork: number },
): Branching {
  const sharers = mostSharers(problem)
  const decisions = problem.costs.map((row) => new Uint8Array(row.length))
  const workOfOne = problem.slots.length * (problem.vms.length + problem.costs.length)
  const workOfFlow = problem.vms.reduce((sum, vms) => sum + vms, 0) * problem.vms.length
  let [best, bestCost, work] = [undefined as Arrangement | undefined, known.cost(), 0]
  const visit = (relaxed: Relaxed): boolean => {
    if (relaxed.flow.unplaced > root.flow.unplaced) return true
    if (relaxed.cost >= bestCost * (1 - SAME)) return true
    const found = new Arrangement(problem, relaxed.flow.counts)
    const cost = found.cost()
    if (cost < bestCost) [best, bestCost] = [found, cost]
    const open = leastShared(found, sharers, decisions)
    if (open === undefined) return true
    const decided = decisions[open.layer]
    if (decided === undefined) return true
    let isComplete = true
    for (const decision of [OPEN, CLOSED]) {
      decided[open.node] = decision
      work += workOfOne + workOfFlow
      isComplete = work < maxWork && visit(relax(problem, sharers, decisions)) && isComplete
    }
    decided[open.node] = UNDECIDED
    return isComplete
  }
  const isComplete = visit(root)
  return { best, isComplete }
}

/** The undecided layer on a node of which least was paid for what it costs; none: what was paid is what it costs. */
function leastShared(
  arrangement: Arrangement,
  sharers: Sharers,
  decisions: readonly Uint8Array[],
): { layer: number; node: number } | undefined {
  let [worst, found] = [0, undefined as { layer: number; node: number } | undefined]
  for (const [layer, costs] of arrangement.problem.costs.entries()) {
    for (const [node, cost] of costs.entries()) {
      const users = arrangement.users(layer, node)
      if (users === 0 || cost === 0 || decisions[layer]?.[node] !== UNDECIDED) continue
      const unpaid = cost * (1 - users / (sharers[layer]?.[node] ?? 1))
      if (unpaid > worst) [worst, found] = [unpaid, { layer, node }]
    }
  }
  return found
}
