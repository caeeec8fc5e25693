/** All cohorts that now fetch the same part in the same rank. */
export interface FlowGroup {
  readonly part: number
  readonly rank: number
  /** In order of rack. */
  readonly cohorts: readonly number[]
}

/** The flows of one rack, and what comes to it. Rates are in bytes per second. */
export interface RackFlows {
  readonly rack: number
  /** Its cohorts are those of the group from here on, and before `to`. */
  readonly from: number
  readonly to: number
  /** The most that any of them has. */
  readonly frontBytes: number
  /** How fast nodes of the rack that have all of the part can send what none of the flows has. */
  readonly holdersUp: number
  /** What its own nodes can send. */
  readonly upHere: number
  /** How fast such bytes come over the uplink, once for the whole rack. */
  acrossRate: number
  /** Over the uplink, from whomever. */
  importRate: number
  /** Of all its nodes together. */
  rate: number
}

/**
 * What a group gets of every link. It changes while links are shared out, for objects of its own for each limit would
 * cost too much.
 */
export interface FlowGrant {
  readonly group: FlowGroup
  /** By cohort of the group: how many nodes it has, and what each of them gets. */
  readonly counts: readonly number[]
  readonly rates: number[]
  readonly racks: readonly RackFlows[]
  /** The most that any of the group has, and how fast bytes that none has can come. */
  readonly frontBytes: number
  readonly freshRate: number
  seedRate: number
  /** Of all nodes together. */
  rate: number
}

/** How fast bytes that no incomplete node of the rack has can come to any of them. */
export function freshRate({ acrossRate, holdersUp }: RackFlows): number {
  return acrossRate + holdersUp
}
