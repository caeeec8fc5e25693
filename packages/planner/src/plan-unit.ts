import type { FleetTable } from './fleet-table.ts'
import type { KeptWaves } from './kept-waves.ts'
import type { Assignment } from './plan.ts'
import { compareTerms, type Terms } from './terms.ts'
import type { Wants } from './wants.ts'

/** One layer on all the nodes that want it on the same terms in the same wave: what waves are made of. */
export interface PlanUnit {
  readonly layer: number
  readonly terms: Terms
  readonly nodes: readonly number[]
  /** Of an earlier plan. */
  readonly keptWave: number | undefined
}

/**
 * All that is wanted, the most urgent first. A base is wanted wherever a middle of it is and on terms at least as
 * urgent, so among equals it is enough that layers without a parent come first.
 */
export function unitsOfWants(table: FleetTable, wants: Wants, kept: KeptWaves): PlanUnit[] {
  const units = table.layers.flatMap((_, layer) =>
    [...wants.ofLayer(layer)].flatMap(({ terms, nodes }) => {
      const byWave = Map.groupBy(nodes, (node) => kept.waveOf(layer, node, terms))
      return [...byWave].map(([keptWave, group]): PlanUnit => ({ layer, terms, nodes: group, keptWave }))
    }),
  )
  return units.sort((a, b) => compareUnits(table, a, b))
}

/** The units that a plan's assignments were made of. */
export function unitsOfAssignments(table: FleetTable, assignments: readonly Assignment[]): PlanUnit[] {
  const units = new Map<string, PlanUnit & { nodes: number[] }>()
  for (const { layer: digest, node: name, wave, priority, ...times } of assignments) {
    const [layer, node] = [table.layer(digest), table.node(name)]
    if (layer === undefined || node === undefined) continue
    const { notBeforeMs = Number.NEGATIVE_INFINITY } = times
    const { deadlineMs = Number.POSITIVE_INFINITY, pinnedUntilMs = Number.POSITIVE_INFINITY } = times
    const key = `${layer} ${wave} ${priority} ${notBeforeMs} ${deadlineMs} ${pinnedUntilMs}`
    const unit = units.get(key)
    const terms = { priority, notBeforeMs, deadlineMs, pinnedUntilMs }
    if (unit === undefined) units.set(key, { layer, terms, nodes: [node], keptWave: wave })
    else unit.nodes.push(node)
  }
  return [...units.values()].sort((a, b) => compareUnits(table, a, b))
}

function compareUnits(table: FleetTable, a: PlanUnit, b: PlanUnit): number {
  const depth = (unit: PlanUnit) => (table.parent(unit.layer) === undefined ? 0 : 1)
  return (
    compareTerms(a.terms, b.terms) ||
    depth(a) - depth(b) ||
    a.layer - b.layer ||
    (a.keptWave ?? Number.MAX_SAFE_INTEGER) - (b.keptWave ?? Number.MAX_SAFE_INTEGER)
  )
}
