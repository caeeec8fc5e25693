import type { NodeLimits } from '@shoal/api'
import type { RackShare } from './rack-shares.ts'

/** The limits of a node, no higher than its share of the uplink of its rack. */
export function withRackShare(limits: NodeLimits, { up, down }: RackShare): NodeLimits {
  return {
    ...limits,
    crossRackBytesPerSecond: lower(limits.crossRackBytesPerSecond, up),
    crossRackDownBytesPerSecond: lower(limits.crossRackDownBytesPerSecond, down),
  }
}

/** The lower of two limits; null is none. */
function lower(one: number | null, other: number | null): number | null {
  if (one === null || other === null) return one ?? other
  return Math.min(one, other)
}
