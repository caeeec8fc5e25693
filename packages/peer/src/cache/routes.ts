import { operations } from '@shoal/api'
import { parseDigest } from '@shoal/core'
import { type HttpApp, registerOperation, type StatusByCode } from '@shoal/service'
import type { NodeCache } from './node-cache.ts'

/** HTTP status of the codes of the cache. */
export const cacheStatusByCode: StatusByCode = {
  SHOAL_CACHE_LAYER_UNKNOWN: 404,
  SHOAL_CACHE_PIN_UNKNOWN: 404,
  SHOAL_CACHE_POLICY_UNKNOWN: 400,
  SHOAL_PEER_EVICTION_REQUEST: 400,
  SHOAL_CACHE_PINNED: 409,
  SHOAL_CACHE_FULL: 507,
  SHOAL_CACHE_TOO_LARGE: 507,
}

/** Binds the operations on the cache. */
export function registerCacheRoutes(app: HttpApp, cache: NodeCache): void {
  registerOperation(app, operations.showCache, () => cache.status())
  registerOperation(app, operations.listCache, () => cache.list())
  registerOperation(app, operations.evictLayers, ({ body }) => cache.evict(body))
  registerOperation(app, operations.pinLayer, ({ params, body }) => cache.pin(parseDigest(params.layer), body))
  registerOperation(app, operations.unpinLayer, async ({ params, query }) => {
    await cache.unpin(parseDigest(params.layer), query.owner)
    return undefined
  })
  registerOperation(app, operations.setCachePolicy, async ({ body }) => {
    await cache.setPolicy(body.policy)
    return await cache.status()
  })
}
