import type { Digest } from '@shoal/core'
import type { HeldLayer } from './held-layer.ts'

/** Why a layer goes: room is needed, nobody used it for long, the operator says so, or it was withdrawn. */
export type EvictionReason = 'space' | 'age' | 'operator' | 'purge'

export interface Eviction {
  readonly digest: Digest
  /** Bytes that become free. */
  readonly sizeBytes: number
  /** Bytes that stay, being what a boot reads of it; 0 when all of it goes. */
  readonly keptBytes: number
  /** What it is worth by the policy. */
  readonly value: number
  /** No other node holds it. */
  readonly isLastCopy: boolean
  readonly reason: EvictionReason
}

export interface EvictionPlan {
  /** In the order in which they go; a layer is named once. */
  readonly evictions: readonly Eviction[]
  readonly freedBytes: number
  /** Those of which nothing goes, the largest first: {@link whoHolds} says why. */
  readonly kept: readonly HeldLayer[]
}
