/** How much of a file system the cache may take; all of them hold. */
export interface SpaceLimit {
  /** Bytes; `null`: as many as there are. */
  readonly maxBytes: number | null
  /** Part of the file system, from 0 to 1. */
  readonly maxShare: number
  /** Bytes that stay free for others. */
  readonly minFreeBytes: number
  /** Above this part of the limit eviction begins, and goes on down to the lower one: not with each layer anew. */
  readonly highWatermark: number
  readonly lowWatermark: number
}

/** The file system as it is now. */
export interface FileSystemSpace {
  readonly totalBytes: number
  readonly freeBytes: number
}

/**
 * Bytes that the cache may take at most now, with `usedBytes` of them taken: others on the same file system may make it
 * less.
 */
export function limitBytes(limit: SpaceLimit, usedBytes: number, { totalBytes, freeBytes }: FileSystemSpace): number {
  const here = Math.min(totalBytes * limit.maxShare, usedBytes + freeBytes - limit.minFreeBytes)
  return Math.max(0, Math.floor(Math.min(limit.maxBytes ?? Number.POSITIVE_INFINITY, here)))
}
