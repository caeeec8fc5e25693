import type { CacheEntry, CacheFacts } from '../cache-entry.ts'

/** The rule of openstack-cache-improved: one more with each use, one less for all with each miss; the lowest goes. */
export function survival({ uses, missesAtFetch }: CacheEntry, { misses }: CacheFacts): number {
  return uses - (misses - missesAtFetch)
}
