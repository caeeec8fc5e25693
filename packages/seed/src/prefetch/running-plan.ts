import type { LayerInventory, Node } from '@shoal/api'
import type { Digest } from '@shoal/core'
import type { GivingTerms } from './layer-terms.ts'
import type { PlanAccount } from './plan-account.ts'
import type { PlanRecord } from './plan-record.ts'

/** What is the same for all plans at one moment. */
export interface FleetMoment {
  readonly nodes: ReadonlyMap<string, Node>
  readonly isHere: (node: Node) => boolean
  /** Changes whenever a node comes, goes or moves. */
  readonly version: number
}

/** A plan under way, of whatever kind: it is told what nodes report, looked at once a second, and says how far it is. */
export interface RunningPlan {
  readonly id: string
  readonly record: PlanRecord
  /** How urgently the origin is to give each of its layers. */
  readonly givingTerms: ReadonlyMap<Digest, GivingTerms>
  /** How far it is. */
  readonly account: PlanAccount
  /** A node has told what it holds; whether its state is another now. Undefined: it is none of the plan's. */
  report(node: string, held: ReadonlyMap<string, LayerInventory>): { isOther: boolean } | undefined
  /** Does what is due now, unless that is under way already. Never throws. */
  tick(moment: FleetMoment): Promise<void>
  /** A node was taken out of the fleet. */
  forgetNode(node: string): void
}
