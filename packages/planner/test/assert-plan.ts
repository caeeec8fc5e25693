import assert from 'node:assert/strict'
import type { Assignment, Plan, PlannerInput } from '@shoal/planner'

/** How many inputs a property is tried on. */
export const RUNS = { numRuns: 300 }
/** Sums of rates are rounded. */
export const ROUNDING = 1e-6

export function key({ node, layer }: Pick<Assignment, 'node' | 'layer'>): string {
  return `${node} ${layer}`
}

/** Names of the nodes for which a demand asks, or that were chosen for its VMs. */
export function demandedNodes(plan: Plan, input: PlannerInput, id: string): string[] {
  const target = input.demands.find((demand) => demand.id === id)?.target
  if (target?.kind === 'nodes') return [...target.nodes]
  if (target?.kind === 'vms') return plan.placements.filter(({ demand }) => demand === id).map(({ node }) => node)
  const zone = target?.filter.zone
  return input.fleet.nodes.filter((node) => zone === undefined || node.zone === zone).map(({ node }) => node)
}

export function assertBaseFirst(input: PlannerInput, { assignments }: Plan): void {
  const waves = new Map(assignments.map((assignment) => [key(assignment), assignment.wave]))
  const parents = new Map(input.layers.map(({ digest, parent }) => [digest, parent]))
  for (const { node, layer, wave } of assignments) {
    const base = parents.get(layer)
    assert.ok(wave >= 1)
    if (base !== undefined) assert.ok((waves.get(key({ node, layer: base })) ?? Number.NaN) < wave)
  }
}
