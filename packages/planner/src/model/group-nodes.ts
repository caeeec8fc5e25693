import type { FleetTable } from '../fleet-table.ts'
import type { LinkRates } from '../link-rates.ts'
import type { UnitInWave } from '../waves.ts'

/** With more groups than this, what nodes have is told apart less finely: a node then gets as much as the poorest of its group. */
const MAX_GROUPS = 1000
/** Steps in which a layer's bytes are told apart, the finest first: eighths, all or not all, not at all. */
const MOST_STEPS = 8
const FINENESS = [MOST_STEPS, 1, 0]
/** The least finely told apart, nodes whose links differ by less than a fifth count as alike. */
const RATES_AN_OCTAVE = 4

/** Groups nodes that are alike; those that neither want nor have anything of the plan are in none. */
export function groupAlike(table: FleetTable, rates: LinkRates, units: readonly UnitInWave[]): number[][] {
  let groups: number[][] = []
  for (const steps of FINENESS) {
    groups = group(table, rates, units, steps)
    if (groups.length <= MAX_GROUPS) break
  }
  return groups
}

/** Each node by itself, as far as it wants or has anything, dead or alive. */
export function groupSingly(table: FleetTable, units: readonly UnitInWave[]): number[][] {
  const wanting = new Set(units.flatMap(({ unit }) => unit.nodes))
  return [...table.nodes.keys()].filter((node) => wanting.has(node) || holdsAny(table, node)).map((node) => [node])
}

/** Splits all living nodes again and again, by one difference after the other. */
function group(table: FleetTable, rates: LinkRates, units: readonly UnitInWave[], steps: number): number[][] {
  const alive = [...table.nodes.keys()].filter((node) => table.isAlive(node))
  const isInPlan = new Uint8Array(table.nodes.length)
  const links = new Map<string, number>()
  const groupOf = Int32Array.from(table.nodes.keys(), (node) => {
    const [up = 0, down = 0] = [rates.nodeUp[node], rates.nodeDown[node]]
    const linkClass = steps > 0 ? `${up} ${down}` : Math.floor(Math.log2(down) * RATES_AN_OCTAVE)
    const key = `${table.rackOf(node)} ${linkClass}`
    const known = links.get(key) ?? links.size
    links.set(key, known)
    return known
  })
  let count = links.size
  const split = (nodes: readonly number[], stepOf: (node: number) => number) => {
    const known = new Map<number, number>()
    for (const node of nodes) {
      const key = (groupOf[node] ?? 0) * (MOST_STEPS + 1) + stepOf(node)
      const number = known.get(key) ?? count
      if (number === count) count += 1
      known.set(key, number)
      groupOf[node] = number
    }
  }
  for (const layer of table.layers.keys()) {
    const holders = alive.filter((node) => table.heldBytes(layer, node) > 0)
    for (const node of holders) isInPlan[node] = 1
    if (steps > 0) split(holders, (node) => Math.floor((table.heldBytes(layer, node) / table.sizeBytes(layer)) * steps))
  }
  for (const { unit } of units) {
    for (const node of unit.nodes) isInPlan[node] = 1
    split(unit.nodes, () => 0)
  }
  const inPlan = alive.filter((node) => isInPlan[node] === 1)
  return [...Map.groupBy(inPlan, (node) => groupOf[node]).values()]
}

function holdsAny(table: FleetTable, node: number): boolean {
  return table.layers.some((_, layer) => table.heldBytes(layer, node) > 0)
}
