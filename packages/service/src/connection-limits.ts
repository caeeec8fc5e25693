import type { ConnectionLimits } from '@shoal/core'

/** A fleet of 2,000 nodes has a stream and a heartbeat each; who comes through a proxy on another machine shares its address. */
export const CONNECTION_LIMITS: ConnectionLimits = {
  total: 8192,
  perAddress: 2048,
  unused: 1024,
  headersTimeoutMs: 10_000,
}
/**
 * Of the listener for nodes: when a seed is back, its whole fleet is at the TLS handshake at once, two or three connections each, and who is closed there has
 * cost the handshake and comes again.
 */
export const NODE_CONNECTION_LIMITS: ConnectionLimits = { ...CONNECTION_LIMITS, total: 32_768, unused: 4096 }
/** Late heads are looked for this often. */
export const LATE_CHECK_MS = 2000
/** Header bytes of a request, its address included. */
export const MAX_HEADER_BYTES = 16 * 1024
