import { type Digest, isDigest } from '@shoal/core'
import type { CacheEntry } from './cache-entry.ts'
import { isPart, isRecord } from './stored-value.ts'
import type { UseLogRecord } from './use-log-record.ts'

export const USE_HISTORY_VERSION = 1
/** A history knows the uses of so many layers that are there, or on their way. */
export const MAX_LAYERS_IN_USE = 10_000

/** What is known of the uses of a layer that is there, or on its way. */
export type UseOfLayer = Pick<
  CacheEntry,
  'fetchedAt' | 'lastUsedAt' | 'previousUsedAt' | 'uses' | 'missesAtFetch' | 'inflationAtUse'
>

/** How much of what was asked for was there, and was not. */
export interface HitCount {
  readonly hits: number
  readonly misses: number
}

/** A {@link UseHistory} as it is stored: what JSON can hold. */
export interface UseHistoryRecord {
  readonly version: typeof USE_HISTORY_VERSION
  readonly layers: readonly (readonly [Digest, UseOfLayer])[]
  readonly own: UseLogRecord<Digest>
  readonly clusterWeight: number
  readonly inflation: number
  readonly requests: HitCount
  readonly bytes: HitCount
  readonly bootBytes: HitCount
}

/** Whether a stored value is a history; its log of uses checks itself. */
export function isUseHistoryRecord(value: unknown): value is UseHistoryRecord {
  if (!isRecord(value) || value.version !== USE_HISTORY_VERSION) return false
  const { layers, clusterWeight, inflation, requests, bytes, bootBytes } = value
  if (!Array.isArray(layers) || layers.length > MAX_LAYERS_IN_USE || !layers.every(isLayer)) return false
  return isPart(clusterWeight) && Number.isFinite(inflation) && [requests, bytes, bootBytes].every(isHitCount)
}

function isLayer(value: unknown): boolean {
  if (!Array.isArray(value) || !isDigest(value[0]) || !isRecord(value[1])) return false
  const { fetchedAt, lastUsedAt, previousUsedAt, uses, missesAtFetch, inflationAtUse } = value[1]
  const numbers = [fetchedAt, lastUsedAt, previousUsedAt ?? 0, uses, missesAtFetch, inflationAtUse]
  return numbers.every((number) => Number.isFinite(number))
}

function isHitCount(value: unknown): boolean {
  return isRecord(value) && Number.isFinite(value.hits) && Number.isFinite(value.misses)
}
