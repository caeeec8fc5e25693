import type { CacheEntry } from './cache-entry.ts'

/**
 * What a byte costs by where the nearest copy is: a rack's own switch is idle, its uplink shared, the seed's link
 * shared by all.
 */
const RACK_COST = 1
const ZONE_COST = 2
const ELSEWHERE_COST = 3
const SEED_COST = 6

/** What fetching a layer again would cost now, in bytes from a node of the same rack. */
export function refetchCost({ sizeBytes, replicas }: Pick<CacheEntry, 'sizeBytes' | 'replicas'>): number {
  if (replicas.rack > 0) return sizeBytes * RACK_COST
  if (replicas.zone > 0) return sizeBytes * ZONE_COST
  return sizeBytes * (replicas.elsewhere > 0 ? ELSEWHERE_COST : SEED_COST)
}
