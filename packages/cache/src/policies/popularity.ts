import type { CacheEntry } from '../cache-entry.ts'

/** Least frequently used in the whole cluster, with aging. */
export function popularity({ clusterShare }: CacheEntry): number {
  return clusterShare
}
