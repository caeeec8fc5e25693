import type { CacheEntry } from '../cache-entry.ts'
import { refetchCost } from '../refetch-cost.ts'

/**
 * Greedy-Dual-Size-Frequency (Cherkasova, HP Laboratories 1998): uses times cost over size, above the value of what was
 * last evicted.
 */
export function gdsf(entry: CacheEntry): number {
  // Fetching it counts as a use, also when it was fetched ahead of need.
  const uses = Math.max(1, entry.uses)
  return entry.inflationAtUse + (uses * refetchCost(entry)) / Math.max(1, entry.sizeBytes)
}
