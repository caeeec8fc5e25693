import type { Digest } from '@shoal/core'
import type { CacheEntry, CacheFacts } from './cache-entry.ts'
import { PredictorWeight } from './predictor-weight.ts'
import {
  type HitCount,
  isUseHistoryRecord,
  MAX_LAYERS_IN_USE,
  USE_HISTORY_VERSION,
  type UseHistoryRecord,
  type UseOfLayer,
} from './use-history-record.ts'
import { UseLog } from './use-log.ts'

/** What the seed is taken to say of a layer that it said nothing of. */
const UNTOLD_SHARE = 0.0001
const NONE: HitCount = { hits: 0, misses: 0 }

/** What somebody asked for who used a layer. */
export interface LayerUse {
  readonly sizeBytes: number
  /** Bytes that a boot reads of it; 0 when that is not known. */
  readonly bootBytes: number
  /** All of it was there. */
  readonly isHit: boolean
  /** Its boot part was there. */
  readonly isBootHit: boolean
}

/** What this node and its cluster used, and when: all that policies go by. */
export class UseHistory {
  /** Of layers that are there, or on their way; the one that was used last comes last. */
  readonly #layers: Map<Digest, UseOfLayer>
  readonly #own: UseLog<Digest>
  /** By the seed's word. */
  #clusterShares: ReadonlyMap<Digest, number> = new Map()
  /** No use was compared with what the seed told last. */
  #isWordNew = false
  readonly #clusterWeight: PredictorWeight
  #requests: HitCount
  #bytes: HitCount
  #bootBytes: HitCount
  #inflation: number

  constructor(record?: UseHistoryRecord) {
    this.#layers = new Map(record?.layers)
    this.#own = UseLog.restore<Digest>(record?.own)
    this.#clusterWeight = new PredictorWeight(record?.clusterWeight)
    this.#requests = record?.requests ?? NONE
    this.#bytes = record?.bytes ?? NONE
    this.#bootBytes = record?.bootBytes ?? NONE
    this.#inflation = record?.inflation ?? 0
  }

  /** A history as it was stored; a new one when what was stored is not one of this version. */
  static restore(snapshot: unknown): UseHistory {
    return new UseHistory(isUseHistoryRecord(snapshot) ? snapshot : undefined)
  }

  /** All but what the seed tells anew. */
  snapshot(): UseHistoryRecord {
    return {
      version: USE_HISTORY_VERSION,
      layers: [...this.#layers],
      own: this.#own.snapshot(),
      clusterWeight: this.#clusterWeight.value,
      inflation: this.#inflation,
      ...{ requests: this.#requests, bytes: this.#bytes, bootBytes: this.#bootBytes },
    }
  }

  /** Layers asked for, since the history began. */
  get requests(): HitCount {
    return this.#requests
  }

  /** The same in bytes. */
  get bytes(): HitCount {
    return this.#bytes
  }

  /** The same in bytes that a boot reads. */
  get bootBytes(): HitCount {
    return this.#bootBytes
  }

  /**
   * A layer is used that is there, or is fetched for it. Without more said it counts as a hit when it is known here.
   */
  used(digest: Digest, nowMs: number, use: LayerUse = this.#guess(digest)): void {
    this.#compare(digest, nowMs)
    this.#own.add(digest, nowMs)
    this.#requests = counted(this.#requests, use.isHit, 1)
    this.#bytes = counted(this.#bytes, use.isHit, use.sizeBytes)
    this.#bootBytes = counted(this.#bootBytes, use.isBootHit, use.bootBytes)
    const before = this.#layers.get(digest)
    const fetched = use.isHit && before !== undefined ? before : this.#fetchedAt(nowMs)
    this.#set(digest, {
      fetchedAt: fetched.fetchedAt,
      lastUsedAt: nowMs,
      previousUsedAt: before === undefined || before.uses === 0 ? null : before.lastUsedAt,
      uses: (before?.uses ?? 0) + 1,
      missesAtFetch: fetched.missesAtFetch,
      inflationAtUse: this.#inflation,
    })
  }

  /** A layer is there, or on its way. One that nobody used so far counts as fetched now, ahead of need. */
  arrived(digest: Digest, nowMs: number): void {
    if (this.#layers.has(digest)) return
    const never = { lastUsedAt: nowMs, previousUsedAt: null, uses: 0, inflationAtUse: this.#inflation }
    this.#set(digest, { ...this.#fetchedAt(nowMs), ...never })
  }

  /** It went for want of space, when it was worth so much; so many bytes of it stay. */
  evicted(digest: Digest, value: number, keptBytes = 0): void {
    this.#inflation = Math.max(this.#inflation, value)
    if (keptBytes === 0) this.forget(digest)
  }

  /** It is not here any more. How often it was used is still known. */
  forget(digest: Digest): void {
    this.#layers.delete(digest)
  }

  /** What the seed tells of the layers that are here. */
  setClusterShares(shares: ReadonlyMap<Digest, number>): void {
    this.#clusterShares = shares
    this.#isWordNew = true
  }

  entry(digest: Digest, nowMs: number): Omit<CacheEntry, 'digest' | 'sizeBytes' | 'replicas'> {
    const use = this.#layers.get(digest) ?? {
      ...{ fetchedAt: 0, lastUsedAt: 0, previousUsedAt: null, uses: 0 },
      ...{ missesAtFetch: 0, inflationAtUse: 0 },
    }
    return { ...use, ownShare: this.#own.share(digest, nowMs), clusterShare: this.#clusterShare(digest) }
  }

  facts(): Omit<CacheFacts, 'nowMs'> {
    const { misses } = this.#requests
    return { misses, inflation: this.#inflation, clusterWeight: this.#clusterWeight.value }
  }

  /**
   * Shows who foretold this use better, once for each word of the seed: an old one would be compared with uses that are
   * new. The seed tells of layers that are here only, so both are asked how likely it was to be this one of those.
   */
  #compare(digest: Digest, nowMs: number): void {
    const share = this.#clusterShares.get(digest)
    if (share === undefined || !this.#isWordNew) return
    this.#isWordNew = false
    let [cluster, own] = [0, 0]
    for (const [other, told] of this.#clusterShares) {
      cluster += told
      own += this.#own.share(other, nowMs)
    }
    // A seed that begins anew knows of no uses.
    if (cluster > 0) this.#clusterWeight.see(share / cluster, this.#own.share(digest, nowMs) / own)
  }

  #clusterShare(digest: Digest): number {
    return this.#clusterShares.get(digest) ?? UNTOLD_SHARE
  }

  #fetchedAt(nowMs: number): Pick<UseOfLayer, 'fetchedAt' | 'missesAtFetch'> {
    return { fetchedAt: nowMs, missesAtFetch: this.#requests.misses }
  }

  #guess(digest: Digest): LayerUse {
    const isHit = this.#layers.has(digest)
    return { sizeBytes: 0, bootBytes: 0, isHit, isBootHit: isHit }
  }

  #set(digest: Digest, use: UseOfLayer): void {
    this.#layers.delete(digest)
    this.#layers.set(digest, use)
    if (this.#layers.size <= MAX_LAYERS_IN_USE) return
    // More than a node can hold: most of them were asked for and never came.
    const [oldest] = this.#layers.keys()
    if (oldest !== undefined) this.#layers.delete(oldest)
  }
}

function counted({ hits, misses }: HitCount, isHit: boolean, by: number): HitCount {
  return isHit ? { hits: hits + by, misses } : { hits, misses: misses + by }
}
