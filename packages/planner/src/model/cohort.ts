import type { FleetTable } from '../fleet-table.ts'
import type { UnitInWave } from '../waves.ts'

/** Of every layer there are two parts: what a boot reads, and the rest. */
export function bootPart(layer: number): number {
  return 2 * layer
}

export function restPart(layer: number): number {
  return 2 * layer + 1
}

export function layerOfPart(part: number): number {
  return part >> 1
}

export function partBytes(table: FleetTable, part: number): number {
  const layer = layerOfPart(part)
  const boot = table.bootBytes(layer)
  return part === bootPart(layer) ? boot : table.sizeBytes(layer) - boot
}

/** What a node has of a part, when of each layer it has what a boot reads first. */
export function heldOfPart(table: FleetTable, part: number, node: number): number {
  const layer = layerOfPart(part)
  const [boot, held] = [table.bootBytes(layer), table.heldBytes(layer, node)]
  return part === bootPart(layer) ? Math.min(boot, held) : Math.max(0, held - boot)
}

/** One part that a cohort fetches. */
export interface Stage {
  readonly part: number
  /** Links serve lower ranks first. */
  readonly rank: number
  /** In seconds since the model begins; negative or -Infinity: at once. */
  readonly notBefore: number
}

/**
 * Nodes that are alike in all that matters: in one rack, on equal links, with as much of the layers, wanting the same.
 */
export interface Cohort {
  /** Never empty. */
  readonly nodes: readonly number[]
  readonly rack: number
  /** In order of rank. */
  readonly stages: readonly Stage[]
}

/**
 * Cohorts of groups of nodes, in order of rack. The first ranks are the boot parts of all units, then come their rests.
 */
export function formCohorts(
  table: FleetTable,
  units: readonly UnitInWave[],
  { groups, nowMs }: { groups: readonly number[][]; nowMs: number },
): Cohort[] {
  const cohorts = groups.map((nodes) => ({ nodes, rack: table.rackOf(nodes[0] ?? 0), stages: [] as Stage[] }))
  const cohortOf = new Int32Array(table.nodes.length).fill(-1)
  for (const [index, nodes] of groups.entries()) for (const node of nodes) cohortOf[node] = index
  const lastRank = new Int32Array(cohorts.length).fill(-1)
  for (const partOf of [bootPart, restPart]) {
    for (const [index, { unit }] of units.entries()) {
      const part = partOf(unit.layer)
      if (partBytes(table, part) === 0) continue
      const rank = partOf === bootPart ? index : units.length + index
      // One object for all: thousands of cohorts look at their stages in every step.
      const stage = { part, rank, notBefore: (unit.terms.notBeforeMs - nowMs) / 1000 }
      for (const node of unit.nodes) {
        const cohort = cohortOf[node] ?? -1
        if (lastRank[cohort] === rank) continue
        cohorts[cohort]?.stages.push(stage)
        lastRank[cohort] = rank
      }
    }
  }
  return cohorts.sort((a, b) => a.rack - b.rack)
}
