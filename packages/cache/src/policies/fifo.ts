import type { CacheEntry } from '../cache-entry.ts'

/** First in, first out: what was fetched first goes first, however it is used. */
export function fifo({ fetchedAt }: CacheEntry): number {
  return fetchedAt
}
