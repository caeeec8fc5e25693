import type { CohortLinks } from './cohort-links.ts'
import { type RackFlows, rackRate } from './flow-group.ts'
import type { LinkRoom } from './link-room.ts'
import type { SwarmState } from './swarm-state.ts'
import { waterLevel } from './water-level.ts'

/** What a rack's flows are shared out from. */
export interface RackGround {
  readonly state: SwarmState
  readonly links: CohortLinks
  readonly room: LinkRoom
  /** Of one node of a cohort, with what it has to make up for. */
  readonly downOf: (cohort: number) => number
  /** In which a flow that is behind may catch up with those ahead of it. */
  readonly catchUpSeconds: number
}

/** What can reach the rack from outside. */
export interface RackSupply {
  readonly part: number
  /** How fast what no node of the group has can come to any of them. */
  readonly freshRate: number
  /** The most that any node of the group has. */
  readonly frontBytes: number
}

/**
 * Shares out what a rack can have of one part: each node at most its own link; new bytes at most as fast as holders in the rack and
 * the uplink bring them, once for the whole rack; the rest from node to node.
 */
export function shareRack(
  { state, links, room, downOf, catchUpSeconds }: RackGround,
  { part, freshRate, frontBytes }: RackSupply,
  { rack, cohorts }: { rack: number; cohorts: readonly number[] },
): RackFlows {
  const counts = cohorts.map((cohort) => state.cohorts[cohort]?.nodes.length ?? 0)
  let [ahead, fastest, ownUp] = [0, 0, 0]
  for (const cohort of cohorts) {
    ahead = Math.max(ahead, state.got(cohort, part))
    fastest = Math.max(fastest, downOf(cohort))
    ownUp += links.up[cohort] ?? 0
  }
  const upLeft = room.up[rack] ?? 0
  const holdersUp = Math.min(upLeft, links.holdersUp(part, rack))
  const fromOutside = Math.max(0, freshRate - holdersUp) + (frontBytes - ahead) / catchUpSeconds
  const uplink = room.rackIn[rack] ?? 0
  const acrossRate = Math.min(uplink, Math.max(0, fastest - holdersUp), fromOutside)
  const rates = cohorts.map((cohort) => {
    const behind = (ahead - state.got(cohort, part)) / catchUpSeconds
    return Math.min(downOf(cohort), acrossRate + holdersUp + behind)
  })
  const upHere = Math.min(upLeft, ownUp + holdersUp)
  const flows = { rack, cohorts, counts, rates, frontBytes: ahead, acrossRate, holdersUp, importRate: 0, upHere }
  return limitImport(flows, uplink)
}

/** Takes as much over the uplink as the flows need: one copy of what is new, and what the rack cannot send itself. */
export function limitImport(flows: RackFlows, uplink: number): RackFlows {
  const level = waterLevel(flows.rates, flows.counts, flows.upHere + uplink)
  const limited = { ...flows, rates: flows.rates.map((rate) => Math.min(rate, level)) }
  const fastest = limited.rates.reduce((most, rate) => Math.max(most, rate), 0)
  const once = Math.min(flows.acrossRate, fastest)
  return { ...limited, importRate: Math.min(uplink, Math.max(once, rackRate(limited) - flows.upHere)) }
}
