import type { CacheEntry } from '../cache-entry.ts'

/**
 * LRU-2 (O'Neil, O'Neil and Weikum, SIGMOD 1993): the time of the use before the last. What was used only once goes
 * first, in the order of that use.
 */
export function lruK({ previousUsedAt, lastUsedAt }: CacheEntry, { nowMs }: { nowMs: number }): number {
  return previousUsedAt ?? lastUsedAt - 2 * nowMs
}
