import type { FleetTable } from './fleet-table.ts'
import type { PlanLimits } from './plan-limits.ts'

/** What links carry, in bytes per second, by numbers of nodes and racks. A simulation changes them as it goes. */
export interface LinkRates {
  library: number
  seedUp: number
  /** All that may move to nodes at once. */
  plan: number
  readonly nodeUp: Float64Array
  readonly nodeDown: Float64Array
  readonly rackIn: Float64Array
  readonly rackOut: Float64Array
}

/** The lesser of link and limit, times what part of it is known to come out as payload. */
export function linkRates(table: FleetTable, limits: PlanLimits = {}, efficiency = 1): LinkRates {
  const rate = (link: number, limit = Number.POSITIVE_INFINITY) => Math.min(link, limit) * efficiency
  const { seed, nodes } = table.fleet
  const uplink = limits.rackUplinkBytesPerSecond
  const ofRack = (rack: number, link = Number.POSITIVE_INFINITY) => (rack === 0 ? link : rate(link, uplink))
  return {
    library: rate(seed.libraryBytesPerSecond, limits.libraryBytesPerSecond),
    seedUp: rate(seed.upBytesPerSecond, limits.seedUpBytesPerSecond),
    plan: rate(Number.POSITIVE_INFINITY, limits.planBytesPerSecond),
    nodeUp: Float64Array.from(nodes, (node) => rate(node.upBytesPerSecond, limits.nodeUpBytesPerSecond)),
    nodeDown: Float64Array.from(nodes, (node) => rate(node.downBytesPerSecond, limits.nodeDownBytesPerSecond)),
    rackIn: Float64Array.from(table.uplinks, (link, rack) => ofRack(rack, link?.inBytesPerSecond)),
    rackOut: Float64Array.from(table.uplinks, (link, rack) => ofRack(rack, link?.outBytesPerSecond)),
  }
}
