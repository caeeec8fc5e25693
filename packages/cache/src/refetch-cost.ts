import type { CacheEntry } from './cache-entry.ts'

/**
 * What a byte costs by where the nearest copy is: a rack's own switch is idle, its uplink shared, the seed's link
 * shared by all. Dearer bytes of the seed would make nodes keep more of what is used less, for each other's sake: at
 * 1.8 that costs a node 1 % of its hits, and saves a fifth to a third of what the seed serves (bench/cache).
 */
const RACK_COST = 1
const ZONE_COST = 1.05
const ELSEWHERE_COST = 1.1
const SEED_COST = 1.8

/** What fetching a layer again would cost now, in bytes from a node of the same rack. */
export function refetchCost({ sizeBytes, replicas }: Pick<CacheEntry, 'sizeBytes' | 'replicas'>): number {
  if (replicas.rack > 0) return sizeBytes * RACK_COST
  if (replicas.zone > 0) return sizeBytes * ZONE_COST
  return sizeBytes * (replicas.elsewhere > 0 ? ELSEWHERE_COST : SEED_COST)
}
