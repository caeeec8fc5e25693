import type { CacheFacts } from './cache-entry.ts'
import { type HeldLayer, isHeldBack, isLastCopy } from './held-layer.ts'
import type { ReplacementPolicy } from './replacement-policy.ts'

export interface EvictionOrder {
  readonly policy: ReplacementPolicy
  readonly facts: CacheFacts
  /** Whether what no other node holds goes after all that others hold. */
  readonly lastCopiesLast: boolean
}

/** A layer that may go. */
export interface Candidate {
  readonly layer: HeldLayer
  readonly value: number
  /** It goes even when no space is needed. */
  readonly isAged: boolean
}

/** The layers that may go, in the order in which they would if none had to wait for another. */
export function rankCandidates(layers: readonly HeldLayer[], order: EvictionOrder): Candidate[] {
  const rank = (layer: HeldLayer, isAged: boolean) => {
    if (isAged) return 0
    return order.lastCopiesLast && isLastCopy(layer) ? 2 : 1
  }
  return layers
    .filter((layer) => !isHeldBack(layer))
    .map((layer) => {
      const value = order.policy(layer, order.facts)
      const isAged = value === Number.NEGATIVE_INFINITY
      return { layer, value, isAged, rank: rank(layer, isAged) }
    })
    .sort((one, other) => one.rank - other.rank || compareWorth(one, other))
}

/** Orders by value, and what is worth the same by its last use. */
export function compareWorth(one: Omit<Candidate, 'isAged'>, other: Omit<Candidate, 'isAged'>): number {
  // The difference of two values that are infinite is no number.
  if (one.value !== other.value) return one.value - other.value
  return one.layer.lastUsedAt - other.layer.lastUsedAt
}
