import type { Digest } from '@shoal/core'

/** A node whose cache cannot take a chain, even when all that may be evicted is. */
export interface FullNode {
  readonly node: string
  readonly neededBytes: number
  readonly availableBytes: number
}

/**
 * What of a demand cannot be met, why, and the nearest that can: nodes that are demanded but unknown, offline, full or
 * without any source are not served, and those that can be are in the plan; VMs for which there is no place are left
 * out; what comes too late is planned all the same, and `earliestMs` is the deadline that could be kept.
 */
export type Unmet =
  | { readonly demand: string; readonly reason: 'unknown-node'; readonly nodes: readonly string[] }
  | { readonly demand: string; readonly reason: 'offline'; readonly nodes: readonly string[] }
  | {
      readonly demand: string
      readonly reason: 'disk'
      readonly nodes: readonly FullNode[]
      /** Of those demanded. */
      readonly nodesThatFit: readonly string[]
    }
  | {
      readonly demand: string
      readonly reason: 'places'
      readonly missingVms: number
      readonly placedVms: number
      /** Nodes that would have been asked, were they not offline or full. */
      readonly offlineNodes: number
      readonly fullNodes: number
    }
  | { readonly demand: string; readonly reason: 'no-nodes' }
  | {
      readonly demand: string
      readonly reason: 'no-source'
      readonly nodes: readonly string[]
      readonly layers: readonly Digest[]
    }
  | {
      readonly demand: string
      readonly reason: 'deadline'
      readonly deadlineMs: number
      readonly earliestMs: number
      readonly lateNodes: readonly string[]
      readonly nodesInTime: number
    }
