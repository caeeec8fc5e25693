import type { NodeFilter } from './demand.ts'
import type { FleetNode } from './fleet.ts'

/** Whether a node is in all the parts of a fleet that a filter names. */
export function matchesFilter({ rack, zone, aggregates }: FleetNode, filter: NodeFilter): boolean {
  return (
    (filter.rack === undefined || filter.rack === rack) &&
    (filter.zone === undefined || filter.zone === zone) &&
    (filter.aggregate === undefined || (aggregates?.includes(filter.aggregate) ?? false))
  )
}
