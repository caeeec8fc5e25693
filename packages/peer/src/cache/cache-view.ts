import type { CacheLayer, CacheLayers, CachePin, CacheStatus, EvictionResult } from '@shoal/api'
import {
  type EvictionPlan,
  type LayerCache,
  type ListedLayer,
  type Pin,
  POLICY_NAMES,
  type SpaceView,
  type UseHistory,
  whoHolds,
} from '@shoal/cache'
import type { LayerStore } from '@shoal/layer-store'

const MAX_OWNER_CHARS = 200
const MAX_WHY_CHARS = 1000
/** JSON knows no infinity. */
const LEAST_VALUE = -Number.MAX_VALUE

/** The cache at a glance, as the API shows it. */
export function cacheStatus(
  cache: Pick<LayerCache, 'policyName' | 'evictionCounts'>,
  history: Pick<UseHistory, 'requests' | 'bytes' | 'bootBytes'>,
  { space, held }: { space: SpaceView; held: readonly ListedLayer[] },
): CacheStatus {
  return {
    policy: cache.policyName,
    policies: POLICY_NAMES,
    ...space,
    layers: held.length,
    pinnedLayers: held.filter(({ pins }) => pins.length > 0).length,
    requests: history.requests,
    bytes: history.bytes,
    bootBytes: history.bootBytes,
    evictions: { ...cache.evictionCounts },
  }
}

/** Every layer, the one that would go first at the front. */
export function cacheLayers(held: readonly ListedLayer[], store: Pick<LayerStore, 'get'>): CacheLayers {
  const layers = held.flatMap((layer): CacheLayer[] => {
    const stored = store.get(layer.digest)
    if (stored === undefined) return []
    return [
      {
        layer: layer.digest,
        parent: layer.base,
        sizeBytes: stored.manifest.sizeBytes,
        presentBytes: stored.presentBytes,
        allocatedBytes: layer.sizeBytes,
        value: finite(layer.value),
        uses: layer.uses,
        lastUsedAt: layer.lastUsedAt > 0 ? isoTime(layer.lastUsedAt) : null,
        replicas: layer.replicas,
        pins: layer.pins.map(cachePin),
        isBusy: layer.isBusy,
      },
    ]
  })
  return { layers }
}

export function cachePin({ kind, owner, since, expiresAt }: Pin): CachePin {
  return {
    kind,
    owner: owner.slice(0, MAX_OWNER_CHARS),
    since: isoTime(since),
    expiresAt: expiresAt === null ? null : isoTime(expiresAt),
  }
}

/** What went or would go. */
export function evictionResult({ evictions, freedBytes, kept }: EvictionPlan, dryRun: boolean): EvictionResult {
  const holders = whoHolds(kept)
  return {
    dryRun,
    evictions: evictions.map(({ digest, sizeBytes, keptBytes, value, isLastCopy }) => {
      return { layer: digest, sizeBytes, keptBytes, value: finite(value), isLastCopy }
    }),
    freedBytes,
    kept: kept.map(({ digest, sizeBytes }) => {
      return { layer: digest, sizeBytes, why: (holders.get(digest) ?? []).join(', ').slice(0, MAX_WHY_CHARS) }
    }),
  }
}

function finite(value: number): number {
  return Number.isFinite(value) ? value : Math.sign(value) * -LEAST_VALUE
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}
