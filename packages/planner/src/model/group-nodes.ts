import type { FleetTable } from '../fleet-table.ts'
import type { LinkRates } from '../link-rates.ts'
import type { UnitInWave } from '../waves.ts'
import { NodeGroups } from './node-groups.ts'

/**
 * With more groups than this, what nodes have is told apart less finely: a node then gets as much as the poorest of its
 * group.
 */
const MAX_GROUPS = 1000
/** Steps in which a layer's bytes are told apart, the finest first: eighths, all or not all, not at all. */
const FINENESS = [8, 1, 0]
/** The least finely told apart, nodes whose links differ by less than a fifth count as alike. */
const RATES_AN_OCTAVE = 4

/** Groups nodes that are alike; those that neither want nor have anything of the plan are in none. */
export function groupAlike(table: FleetTable, rates: LinkRates, units: readonly UnitInWave[]): number[][] {
  const nodes = inPlan(table, units).filter((node) => table.isAlive(node))
  for (const steps of FINENESS) {
    const groups = new NodeGroups(nodes, table.nodes.length)
    for (const [some, keyOf] of differences(table, { rates, units, nodes, steps })) {
      groups.split(some, keyOf)
      if (groups.count > MAX_GROUPS && steps !== FINENESS.at(-1)) break
    }
    if (groups.count <= MAX_GROUPS || steps === FINENESS.at(-1)) return groups.all()
  }
  return []
}

/** Each node by itself, as far as it wants or has anything, dead or alive. */
export function groupSingly(table: FleetTable, units: readonly UnitInWave[]): number[][] {
  return inPlan(table, units).map((node) => [node])
}

function inPlan(table: FleetTable, units: readonly UnitInWave[]): number[] {
  const isIn = new Uint8Array(table.nodes.length)
  for (const { unit } of units) for (const node of unit.nodes) isIn[node] = 1
  for (const layer of table.layers.keys()) {
    for (let node = 0; node < isIn.length; node += 1) if (table.heldBytes(layer, node) > 0) isIn[node] = 1
  }
  return [...isIn.keys()].filter((node) => isIn[node] === 1)
}

interface Differing {
  readonly rates: LinkRates
  readonly units: readonly UnitInWave[]
  readonly nodes: readonly number[]
  readonly steps: number
}

/** By what nodes differ: nodes, and a key for each of them that is the same for those that are alike in this. */
function* differences(
  table: FleetTable,
  { rates, units, nodes, steps }: Differing,
): Generator<[nodes: readonly number[], keyOf: (node: number) => number]> {
  yield [nodes, (node) => table.rackOf(node)]
  const down = (node: number) => rates.nodeDown[node] ?? 0
  if (steps > 0) {
    yield [nodes, (node) => rates.nodeUp[node] ?? 0]
    yield [nodes, down]
  } else yield [nodes, (node) => Math.floor(Math.log2(down(node)) * RATES_AN_OCTAVE)]
  for (const { unit } of units) yield [unit.nodes, () => 0]
  for (const layer of steps > 0 ? table.layers.keys() : []) {
    const holders = nodes.filter((node) => table.heldBytes(layer, node) > 0)
    yield [holders, (node) => Math.floor((table.heldBytes(layer, node) / table.sizeBytes(layer)) * steps)]
  }
}
