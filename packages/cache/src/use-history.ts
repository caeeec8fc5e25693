import type { Digest } from '@shoal/core'
import type { CacheEntry, CacheFacts } from './cache-entry.ts'
import { PredictorWeight } from './predictor-weight.ts'
import { UseLog } from './use-log.ts'

type Use = Pick<CacheEntry, 'fetchedAt' | 'lastUsedAt' | 'previousUsedAt' | 'uses' | 'missesAtFetch' | 'inflationAtUse'>

/** What this node and its cluster used, and when: all that policies go by. */
export class UseHistory {
  readonly #held = new Map<Digest, Use>()
  readonly #own = new UseLog<Digest>()
  /** By the seed's word. */
  #clusterShares: ReadonlyMap<Digest, number> = new Map()
  readonly #clusterWeight = new PredictorWeight()
  #misses = 0
  #inflation = 0

  /** A layer is used that is there, or is fetched for it. */
  used(digest: Digest, nowMs: number): void {
    this.#clusterWeight.see(this.#clusterShare(digest), this.#own.share(digest, nowMs))
    this.#own.add(digest, nowMs)
    const before = this.#held.get(digest)
    if (before === undefined) this.#misses += 1
    this.#held.set(digest, {
      fetchedAt: before?.fetchedAt ?? nowMs,
      lastUsedAt: nowMs,
      previousUsedAt: before?.lastUsedAt ?? null,
      uses: (before?.uses ?? 0) + 1,
      missesAtFetch: before?.missesAtFetch ?? this.#misses,
      inflationAtUse: this.#inflation,
    })
  }

  /** Of this value it was. */
  evicted(digest: Digest, value: number): void {
    this.#held.delete(digest)
    this.#inflation = Math.max(this.#inflation, value)
  }

  setClusterShares(shares: ReadonlyMap<Digest, number>): void {
    this.#clusterShares = shares
  }

  entry(digest: Digest, nowMs: number): Omit<CacheEntry, 'digest' | 'sizeBytes' | 'replicas'> {
    const use = this.#held.get(digest) ?? {
      ...{ fetchedAt: 0, lastUsedAt: 0, previousUsedAt: null, uses: 0 },
      ...{ missesAtFetch: 0, inflationAtUse: 0 },
    }
    return { ...use, ownShare: this.#own.share(digest, nowMs), clusterShare: this.#clusterShare(digest) }
  }

  facts(): Omit<CacheFacts, 'nowMs'> {
    return { misses: this.#misses, inflation: this.#inflation, clusterWeight: this.#clusterWeight.value }
  }

  #clusterShare(digest: Digest): number {
    return this.#clusterShares.get(digest) ?? 0.0001
  }
}
