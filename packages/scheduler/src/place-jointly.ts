import { Arrangement } from './arrangement.ts'
import { branch } from './branch.ts'
import { improve } from './improve.ts'
import { checkProblem, type PlacementProblem } from './placement-problem.ts'
import { mostSharers, type Relaxed, relax, type Sharers } from './relaxation.ts'

export interface PlacedGroup {
  /** Numbers of the problem. */
  readonly image: number
  readonly node: number
  readonly vms: number
}

export interface JointPlacement {
  readonly groups: readonly PlacedGroup[]
  /** By image: VMs for which no node has a slot. */
  readonly unplaced: readonly number[]
  /** Of the layers that have to be brought, in the unit of the problem's costs. */
  readonly transferCost: number
  /** With what balance costs. */
  readonly cost: number
  /** No placement costs less. */
  readonly lowerBound: number
  /** Whether it is proven that none costs less than this one. */
  readonly isOptimal: boolean
}

/** How often the costs of layers are spread anew over those who share them: it settles after a few times. */
const ROUNDS = 10
/** Steps of work that finding a good placement, and proving that none is better, may take: some tenths of a second each. */
const IMPROVING_WORK = 3e7
const BRANCHING_WORK = 3e5
const SAME = 1e-9

/**
 * Places VMs of several images on nodes so that what has to be moved, and how uneven nodes become, costs the least in
 * sum. What a node fetches it fetches once, for all VMs there, which makes this a transportation problem with fixed
 * charges (Hirsch and Dantzig 1968) and hard. So: a relaxation that is a flow of least cost gives a lower bound; dynamic
 * slope scaling (Kim and Pardalos 1999) and a local search find a good placement; branch and bound proves small ones.
 * Equal problems give equal placements. Throws a TypeError for a problem that contradicts itself.
 */
export function placeJointly(problem: PlacementProblem): JointPlacement {
  checkProblem(problem)
  const sharers = mostSharers(problem)
  const root = relax(problem, sharers)
  let best = scaleSlopes(problem, sharers, root)
  improve(best, IMPROVING_WORK)
  const cost = best.cost()
  if (cost <= root.cost * (1 + SAME)) return describe(best, { lowerBound: cost, isOptimal: true })
  const searched = branch(problem, { known: best, root, maxWork: BRANCHING_WORK })
  if (searched.best !== undefined) {
    best = searched.best
    if (!searched.isComplete) improve(best, IMPROVING_WORK)
  }
  const isOptimal = searched.isComplete
  return describe(best, { lowerBound: isOptimal ? best.cost() : root.cost, isOptimal })
}

/** Spreads what layers cost over those who shared them the last time, again and again, and keeps the best of all. */
function scaleSlopes(problem: PlacementProblem, most: Sharers, root: Relaxed): Arrangement {
  const sharers = most.map((row) => row.slice())
  let best = new Arrangement(problem, root.flow.counts)
  let [bestCost, last] = [best.cost(), best]
  for (let round = 0; round < ROUNDS; round += 1) {
    let isOther = false
    for (const [layer, row] of sharers.entries()) {
      for (let node = 0; node < row.length; node += 1) {
        const users = last.users(layer, node)
        if (users === 0 || users === row[node]) continue
        row[node] = users
        isOther = true
      }
    }
    if (!isOther) break
    last = new Arrangement(problem, relax(problem, sharers).flow.counts)
    const cost = last.cost()
    if (cost < bestCost) [best, bestCost] = [last, cost]
  }
  return best
}

function describe(found: Arrangement, proof: { lowerBound: number; isOptimal: boolean }): JointPlacement {
  const { vms } = found.problem
  const groups = found.counts.flatMap((row, image) =>
    [...row.entries()].flatMap(([node, count]) => (count > 0 ? [{ image, node, vms: count }] : [])),
  )
  const unplaced = found.counts.map((row, image) => (vms[image] ?? 0) - row.reduce((sum, count) => sum + count, 0))
  return { groups, unplaced, transferCost: found.transferCost(), cost: found.cost(), ...proof }
}
