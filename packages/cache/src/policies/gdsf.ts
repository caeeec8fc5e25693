import type { CacheEntry } from '../cache-entry.ts'
import { refetchCost } from '../refetch-cost.ts'

/** Greedy-Dual-Size-Frequency (Cherkasova, HP Laboratories 1998): uses times cost over size, above the value of what was last evicted. */
export function gdsf(entry: CacheEntry): number {
  return entry.inflationAtUse + (entry.uses * refetchCost(entry)) / entry.sizeBytes
}
