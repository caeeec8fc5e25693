import type { CohortLinks } from './cohort-links.ts'
import type { RackFlows } from './flow-group.ts'
import type { LinkRoom } from './link-room.ts'
import type { SwarmState } from './swarm-state.ts'
import { waterLevel } from './water-level.ts'

/** What a rack's flows are shared out from. */
export interface RackGround {
  readonly state: SwarmState
  readonly links: CohortLinks
  readonly room: LinkRoom
  /** A flow that is behind may catch up with those ahead of it in the shortest step. */
  readonly steps: { readonly shortest: number }
}

/** The flows of a group, and what can reach their rack from outside. */
export interface RackSupply {
  readonly part: number
  readonly cohorts: readonly number[]
  readonly counts: readonly number[]
  /** What each node could receive at most; becomes what it receives. */
  readonly rates: number[]
  /** How fast what no node of the group has can come to any of them. */
  readonly freshRate: number
  /** The most that any node of the group has. */
  readonly frontBytes: number
}

/**
 * Shares out what a rack can have of one part: each node at most its own link; new bytes at most as fast as holders in
 * the rack and the uplink bring them, once for the whole rack; the rest from node to node.
 */
export function shareRack(
  { state, links, room, steps }: RackGround,
  supply: RackSupply,
  { rack, from, to }: Pick<RackFlows, 'rack' | 'from' | 'to'>,
): RackFlows {
  const { part, cohorts, rates } = supply
  let [frontBytes, fastest, ownUp] = [0, 0, 0]
  for (let index = from; index < to; index += 1) {
    const cohort = cohorts[index] ?? 0
    frontBytes = Math.max(frontBytes, state.got(cohort, part))
    fastest = Math.max(fastest, rates[index] ?? 0)
    ownUp += links.up[cohort] ?? 0
  }
  const upLeft = room.up[rack] ?? 0
  const holdersUp = Math.min(upLeft, links.holdersUp(part, rack))
  const fromOutside = Math.max(0, supply.freshRate - holdersUp) + (supply.frontBytes - frontBytes) / steps.shortest
  const uplink = room.rackIn[rack] ?? 0
  const acrossRate = Math.min(uplink, Math.max(0, fastest - holdersUp), fromOutside)
  const upHere = Math.min(upLeft, ownUp + holdersUp)
  const flows = { rack, from, to, frontBytes, acrossRate, holdersUp, upHere, importRate: 0, rate: 0 }
  limitToFront(state, supply, { flows, catchUpSeconds: steps.shortest })
  limitImport(supply, flows, uplink)
  return flows
}

/** Nobody is faster than new bytes come, except to catch up with those of the rack who have more. */
export function limitToFront(
  state: SwarmState,
  { part, cohorts, rates }: Pick<RackSupply, 'part' | 'cohorts' | 'rates'>,
  { flows, catchUpSeconds }: { flows: RackFlows; catchUpSeconds: number },
): void {
  const fresh = flows.acrossRate + flows.holdersUp
  for (let index = flows.from; index < flows.to; index += 1) {
    const behind = (flows.frontBytes - state.got(cohorts[index] ?? 0, part)) / catchUpSeconds
    rates[index] = Math.min(rates[index] ?? 0, fresh + behind)
  }
}

/** Takes as much over the uplink as the flows need: one copy of what is new, and what the rack cannot send itself. */
export function limitImport(
  { rates, counts }: Pick<RackSupply, 'rates' | 'counts'>,
  flows: RackFlows,
  uplink: number,
): void {
  const { from, to, upHere } = flows
  flows.rate = rateOf({ rates, counts }, flows)
  if (flows.rate > upHere + uplink) {
    const level = waterLevel({ rates, counts, from, to }, upHere + uplink)
    for (let index = from; index < to; index += 1) rates[index] = Math.min(rates[index] ?? 0, level)
    flows.rate = rateOf({ rates, counts }, flows)
  }
  let fastest = 0
  for (let index = from; index < to; index += 1) fastest = Math.max(fastest, rates[index] ?? 0)
  flows.importRate = Math.min(uplink, Math.max(Math.min(flows.acrossRate, fastest), flows.rate - upHere))
}

function rateOf({ rates, counts }: Pick<RackSupply, 'rates' | 'counts'>, { from, to }: RackFlows): number {
  let sum = 0
  for (let index = from; index < to; index += 1) sum += (rates[index] ?? 0) * (counts[index] ?? 0)
  return sum
}
