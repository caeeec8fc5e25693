export {
  loadPeerConfig,
  PEER_ENV_PREFIX,
  type PeerConfig,
  peerConfigDefaults,
  peerConfigSchema,
} from './config.ts'
export { peerErrors } from './errors.ts'
export { createPeer, type Peer, type PeerDeps } from './peer.ts'
export { apiTokenFile } from './peer-http.ts'
export { type ServePeerOptions, servePeer } from './serve-peer.ts'
