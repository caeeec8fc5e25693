import type { Digest } from '@shoal/core'

/** Narrows which nodes come into question; all that are given must hold. */
export interface NodeFilter {
  readonly zone?: string | undefined
  readonly rack?: string | undefined
  readonly aggregate?: string | undefined
}

/** Where a chain is wanted: on named nodes, on every node of a part of the fleet, or wherever so many VMs can go. */
export type DemandTarget =
  | { readonly kind: 'nodes'; readonly nodes: readonly string[] }
  | { readonly kind: 'within'; readonly filter: NodeFilter }
  | {
      readonly kind: 'vms'
      readonly vms: number
      readonly vmsPerNode: number
      readonly filter?: NodeFilter | undefined
    }

/** One image that is wanted somewhere. */
export interface Demand {
  /** Unique in a request, and the same when it is planned again. */
  readonly id: string
  /** What the image resolves to: a base, or a base and a middle, in that order. */
  readonly chain: readonly Digest[]
  readonly target: DemandTarget
  /** Higher goes first. */
  readonly priority: number
  /** Unix time in milliseconds before which no byte may move to a node; none when absent. */
  readonly notBeforeMs?: number | undefined
  /** Unix time in milliseconds by which all of it should be there; none when absent. */
  readonly deadlineMs?: number | undefined
  /** Unix time in milliseconds until which nodes may not evict it; until the plan is given up when absent. */
  readonly pinnedUntilMs?: number | undefined
}
