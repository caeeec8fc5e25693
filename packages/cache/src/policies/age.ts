import type { CacheEntry, CacheFacts } from '../cache-entry.ts'

/** How long a layer stays unused: Nova's default (`remove_unused_original_minimum_age_seconds`). */
export const AGE_LIMIT_MS = 24 * 3_600_000

/**
 * Nova's rule: what was not used for so long goes, whether space is needed or not; in between the least recently used.
 */
export function age({ lastUsedAt }: CacheEntry, { nowMs }: CacheFacts): number {
  return nowMs - lastUsedAt >= AGE_LIMIT_MS ? Number.NEGATIVE_INFINITY : lastUsedAt
}
