import { type FleetTable, NO_RACK } from './fleet-table.ts'
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

/** What part of a link's rate comes out as payload. */
export interface LinkEfficiency {
  /** Of links of nodes and racks. */
  readonly node: number
  /** Of those of the seed and the library, which only send. */
  readonly seed: number
}

const ALL_OF_IT: LinkEfficiency = { node: 1, seed: 1 }

/** What comes out of each link, or its limit where that is less: limits are of payload already. */
export function linkRates(table: FleetTable, limits: PlanLimits = {}, efficiency = ALL_OF_IT): LinkRates {
  const rate = (share: number, link: number, limit = Number.POSITIVE_INFINITY) => Math.min(link * share, limit)
  const { seed, nodes } = table.fleet
  const ofRack = (rack: number, link = Number.POSITIVE_INFINITY) =>
    rack === NO_RACK ? link : rate(efficiency.node, link, limits.rackUplinkBytesPerSecond)
  return {
    library: rate(efficiency.seed, seed.libraryBytesPerSecond, limits.libraryBytesPerSecond),
    seedUp: rate(efficiency.seed, seed.upBytesPerSecond, limits.seedUpBytesPerSecond),
    plan: limits.planBytesPerSecond ?? Number.POSITIVE_INFINITY,
    nodeUp: Float64Array.from(nodes, (node) =>
      rate(efficiency.node, node.upBytesPerSecond, limits.nodeUpBytesPerSecond),
    ),
    nodeDown: Float64Array.from(nodes, (node) =>
      rate(efficiency.node, node.downBytesPerSecond, limits.nodeDownBytesPerSecond),
    ),
    rackIn: Float64Array.from(table.uplinks, (link, rack) => ofRack(rack, link?.inBytesPerSecond)),
    rackOut: Float64Array.from(table.uplinks, (link, rack) => ofRack(rack, link?.outBytesPerSecond)),
  }
}
