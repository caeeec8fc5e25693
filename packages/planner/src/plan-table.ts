import { FleetTable } from './fleet-table.ts'
import type { PlannerInput } from './plan.ts'

/** The table for an input. Only layers that are wanted matter: the others are bytes that may be evicted. */
export function createPlanTable({ fleet, layers, demands }: PlannerInput): FleetTable {
  const wanted = new Set(demands.flatMap(({ chain }) => chain))
  return new FleetTable(
    fleet,
    layers.filter(({ digest }) => wanted.has(digest)),
  )
}
