import type { CacheEntry } from '../cache-entry.ts'

/** Least frequently used on this node, with aging. */
export function lfu({ ownShare }: CacheEntry): number {
  return ownShare
}
