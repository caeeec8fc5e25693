import { operations, type PeerStatus, type Verification } from '@shoal/api'
import { type Digest, parseDigest } from '@shoal/core'
import type { LayerStore } from '@shoal/layer-store'
import { type HttpApp, registerOperation, type StatusByCode } from '@shoal/service'
import type { Boots } from './boot/boots.ts'
import { bootStatusByCode, registerBootRoutes } from './boot/routes.ts'
import type { NodeCache } from './cache/node-cache.ts'
import { cacheStatusByCode, registerCacheRoutes } from './cache/routes.ts'
import type { Compositions } from './compose/compositions.ts'
import { composeStatusByCode, registerCompositionRoutes } from './compose/routes.ts'
import { peerError } from './errors.ts'
import type { NovaCache } from './nova-cache/nova-cache.ts'
import { registerNovaCacheRoutes } from './nova-cache/routes.ts'

/** HTTP status of the codes that a peer's own API answers with. */
export const peerStatusByCode: StatusByCode = {
  SHOAL_PEER_LAYER_UNKNOWN: 404,
  SHOAL_STORE_LAYER_UNKNOWN: 404,
  SHOAL_STORE_NO_SPACE: 507,
  SHOAL_STORE_CLOSED: 503,
  ...composeStatusByCode,
  ...cacheStatusByCode,
  ...bootStatusByCode,
}

export interface PeerRoutesDeps {
  readonly store: LayerStore
  /** Fetches again what a check has dropped. */
  readonly repair: (digest: Digest) => Promise<void>
  readonly compositions: Compositions
  readonly novaCache: NovaCache | undefined
  readonly cache: NodeCache
  readonly boots: Boots
  readonly status: () => Promise<PeerStatus>
}

/** Binds the operations of a peer's own API. */
export function registerPeerRoutes(app: HttpApp, deps: PeerRoutesDeps): void {
  registerOperation(app, operations.localStatus, () => deps.status())
  registerOperation(app, operations.verifyLayer, ({ params, signal }) => verifyLayer(deps, params.layer, signal))
  registerCompositionRoutes(app, deps.compositions)
  registerNovaCacheRoutes(app, deps.novaCache)
  registerCacheRoutes(app, deps.cache)
  registerBootRoutes(app, deps.boots)
}

async function verifyLayer(deps: PeerRoutesDeps, layer: string, signal: AbortSignal): Promise<Verification> {
  const digest = parseDigest(layer)
  const stored = deps.store.get(digest)
  if (stored === undefined) throw peerError('SHOAL_PEER_LAYER_UNKNOWN', { layer })
  const result = await stored.verify({ signal })
  if (result.badBlocks.length > 0) await deps.repair(digest)
  return { layer, ...result }
}
