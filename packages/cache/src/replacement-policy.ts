import type { CacheEntry, CacheFacts } from './cache-entry.ts'

/**
 * What a layer is worth on this node: of those that may go, the one that is worth least goes first. Negative infinity
 * means that it goes even when no space is needed. Pure; values are compared with each other only, and are never NaN.
 */
export type ReplacementPolicy = (entry: CacheEntry, facts: CacheFacts) => number
