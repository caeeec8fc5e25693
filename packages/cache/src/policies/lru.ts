import type { CacheEntry } from '../cache-entry.ts'

/** Least recently used. */
export function lru({ lastUsedAt }: CacheEntry): number {
  return lastUsedAt
}
