import type { PlacementProblem } from '../src/placement-problem.ts'

/** The least cost of all placements that leave as few VMs over as can be, by looking at every one. */
export function bruteForce(problem: PlacementProblem): { cost: number; unplaced: number } {
  const { vms, costs, waitShare, slots, loads, spreadCost } = problem
  const counts = vms.map(() => new Array<number>(slots.length).fill(0))
  let best = { cost: Number.POSITIVE_INFINITY, unplaced: Number.POSITIVE_INFINITY }
  const measure = (unplaced: number) => {
    let cost = 0
    for (let node = 0; node < slots.length; node += 1) {
      const here: (readonly number[])[] = []
      for (const image of vms.keys()) {
        const count = counts[image]?.[node] ?? 0
        const needed = neededOn(problem, image, node)
        if (count > 0) here.push(needed)
        for (const layer of needed) cost += waitShare * count * (costs[layer]?.[node] ?? 0)
      }
      for (const layer of new Set(here.flat())) cost += costs[layer]?.[node] ?? 0
      const total = counts.reduce((sum, row) => sum + (row[node] ?? 0), 0)
      if (total > (slots[node] ?? 0)) return
      for (let vm = 0; vm < total; vm += 1) cost += spreadCost * ((loads[node] ?? 0) + vm)
    }
    if (unplaced < best.unplaced || (unplaced === best.unplaced && cost < best.cost)) best = { cost, unplaced }
  }
  const fill = (image: number, node: number, left: number, unplaced: number) => {
    const row = counts[image]
    if (row === undefined) return measure(unplaced)
    if (node === slots.length) return fill(image + 1, 0, vms[image + 1] ?? 0, unplaced + left)
    for (let here = 0; here <= left; here += 1) {
      row[node] = here
      fill(image, node + 1, left - here, unplaced)
    }
    row[node] = 0
  }
  fill(0, 0, vms[0] ?? 0, 0)
  return best
}

/** The layers that VMs of an image need on a node. */
export function neededOn({ chains, others }: PlacementProblem, image: number, node: number): readonly number[] {
  const other = others?.[image]
  return other !== undefined && other.where[node] === 1 ? other.layers : (chains[image] ?? [])
}
