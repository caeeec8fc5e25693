export type { CacheEntry, CacheFacts, Replicas } from './cache-entry.ts'
export { cacheErrors } from './errors.ts'
export {
  type EvictionReason,
  LayerCache,
  type LayerCacheDeps,
  type LayerCacheOptions,
  type SpaceView,
} from './layer-cache.ts'
export type { Pin, PinKind } from './pin.ts'
export { Pins } from './pins.ts'
export type { Eviction, EvictionPlan, HeldLayer } from './plan-evictions.ts'
export { findPolicy, POLICY_NAMES, type PolicyName } from './policies.ts'
export type { ReplacementPolicy } from './replacement-policy.ts'
export type { Reservation } from './reservations.ts'
export type { FileSystemSpace, SpaceLimit } from './space-limit.ts'
export type { Stock, StockLayer } from './stock.ts'
export { UseHistory } from './use-history.ts'
