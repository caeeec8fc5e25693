import type { Digest } from '@shoal/core'

/** Where else a layer is, near or far. */
export interface Replicas {
  /** Nodes of the same rack that hold it, without this one. */
  readonly rack: number
  /** Of the same zone, without those of the rack. */
  readonly zone: number
  /** Of other zones. */
  readonly elsewhere: number
}

/**
 * What is known of a layer that a node holds: what a replacement policy may go by. Times are in milliseconds of one
 * clock.
 */
export interface CacheEntry {
  readonly digest: Digest
  /** Bytes that are free again without it. */
  readonly sizeBytes: number
  readonly fetchedAt: number
  /** When it was fetched or found, as long as it was not used. */
  readonly lastUsedAt: number
  /** Of the use before the last; `null` when there was one only. */
  readonly previousUsedAt: number | null
  /**
   * Since it was fetched, with the use that it was fetched for; 0 when it was fetched ahead of need and not used yet.
   */
  readonly uses: number
  /** Its part of this node's uses, recent ones counting more: from 0 to 1. */
  readonly ownShare: number
  /** The same of all nodes' uses, as the seed last told. */
  readonly clusterShare: number
  /** {@link CacheFacts.misses} when it was fetched. */
  readonly missesAtFetch: number
  /** {@link CacheFacts.inflation} when it was last used. */
  readonly inflationAtUse: number
  readonly replicas: Replicas
}

/** What is true of the whole cache. */
export interface CacheFacts {
  readonly nowMs: number
  /** How often a layer was asked for that was not there, since the cache was made. */
  readonly misses: number
  /** The value of what was last evicted: the clock of `gdsf`. */
  readonly inflation: number
  /** How much better the cluster's uses have foretold this node's than its own have, from 0 to 1. */
  readonly clusterWeight: number
}
