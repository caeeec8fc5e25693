import type { EventType, NODE_TROUBLES, PlanState } from '@shoal/api'
import type { FloodReport } from '@shoal/service'

/** A node that may do harm. */
export interface Suspect {
  readonly node: string
  /** Nodes that got bad blocks from it lately. */
  readonly reporters: number
}

/** What the rules of health look at: one moment of the fleet, counted. */
export interface FleetFacts {
  readonly library: {
    readonly reachable: boolean
    readonly rateBytesPerSecond: number
    readonly limitBytesPerSecond: number | null
    readonly importing: number
  }
  /** Images whose last import failed, and that have no layer. */
  readonly failedImages: readonly { readonly id: string; readonly name: string; readonly message: string }[]
  readonly nodes: {
    readonly total: number
    readonly ready: number
    readonly fetching: number
    /** Names of nodes by what ails them. */
    readonly troubled: Readonly<Partial<Record<(typeof NODE_TROUBLES)[number], readonly string[]>>>
    /** Nodes whose layers take more than nine tenths of their room. */
    readonly full: number
    /** Names of nodes that are not active. */
    readonly draining: readonly string[]
    readonly quarantined: readonly string[]
    /** Active or draining nodes that many others say they got bad blocks from. */
    readonly suspects: readonly Suspect[]
  }
  readonly traffic: { readonly downBytesPerSecond: number; readonly seedUpBytesPerSecond: number }
  readonly plans: readonly PlanFacts[]
  readonly boots: { readonly serving: number; readonly failed: number }
  /** Events of the last ten minutes, by type. */
  readonly recent: Readonly<Partial<Record<EventType, number>>>
  /** Of these, layers that a node refused because their manifest was not signed by a key it trusts. */
  readonly badSignatures: number
  /** What the seed's bounds turn away just now, the most first. */
  readonly floods: readonly FloodReport[]
}

export interface PlanFacts {
  readonly id: string
  readonly name: string
  readonly state: PlanState
  readonly isLate: boolean
  readonly nodes: { readonly total: number; readonly ready: number; readonly failed: number; readonly excluded: number }
  /** For how long no node of it got anything although some wait. Milliseconds. */
  readonly stillMs: number
}
