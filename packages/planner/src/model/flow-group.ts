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
  readonly cohorts: readonly number[]
  /** Nodes of each cohort. */
  readonly counts: readonly number[]
  /** Of each node of each cohort. */
  readonly rates: readonly number[]
  /** The most that any of them has. */
  readonly frontBytes: number
  /** How fast bytes that none of them has come over the uplink, once for the whole rack. */
  readonly acrossRate: number
  /** How fast nodes of the rack that have all of the part can send such bytes. */
  readonly holdersUp: number
  /** Over the uplink, from whomever. */
  readonly importRate: number
  /** What its own nodes can send. */
  readonly upHere: number
}

/** What a group gets of every link. */
export interface FlowGrant {
  readonly group: FlowGroup
  readonly racks: readonly RackFlows[]
  /** The most that any of the group has, and how fast bytes that none has can come. */
  readonly frontBytes: number
  readonly freshRate: number
  readonly seedRate: number
  /** Of all nodes together. */
  readonly rate: number
}

/** How fast bytes that no incomplete node of the rack has can come to any of them. */
export function freshRate({ acrossRate, holdersUp }: RackFlows): number {
  return acrossRate + holdersUp
}

/** Sum over nodes, not cohorts. */
export function rackRate({ rates, counts }: RackFlows): number {
  return rates.reduce((sum, rate, index) => sum + rate * (counts[index] ?? 0), 0)
}
