export type { ArrivalReason, Arrivals, PieceArrival, RackArrivals } from './arrivals.ts'
export { type AnnounceFacts, proveAnnounce } from './auth/announce-proof.ts'
export { clusterIdentity, type GrantSource } from './auth/cluster-identity.ts'
export {
  encodeLayerGrant,
  type GrantSubject,
  LAYER_GRANT_BYTES,
  LAYER_GRANT_MS,
  layerGrantEnd,
  layerGrantKeyId,
} from './auth/layer-grant.ts'
export {
  type AccessRefusal,
  type Holder,
  type LayerGrant,
  REFUSAL_REASONS,
  type RefusalReason,
  type SwarmCredential,
  type SwarmIdentity,
} from './auth/swarm-identity.ts'
export type { UnstoredBlock } from './demands.ts'
export { swarmErrors } from './errors.ts'
export type { RefusedSource } from './giving.ts'
export type { LayerSwarm, LayerSwarmStats } from './layer-swarm.ts'
export { DEFAULT_LAYER_TERMS, type LayerTerms } from './layer-terms.ts'
export type { SwarmRole } from './shoal-extension.ts'
export {
  type BanEvent,
  createSwarm,
  type Swarm,
  type SwarmFlood,
  type SwarmOptions,
  type SwarmStats,
} from './swarm.ts'
export type { SwarmEncryption } from './swarm-lanes.ts'
export type { SwarmLayer } from './swarm-layer.ts'
export { encodeTorrent, type TorrentDescription } from './torrent-file.ts'
export { createTracker, type Tracker, type TrackerOptions, type TrackerPeerDescription } from './tracker/tracker.ts'
