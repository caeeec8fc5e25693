import type { ConnectionLimits } from '@shoal/core'

/** A fleet of 2,000 nodes has a stream and a heartbeat each; who comes through a proxy on another machine shares its address. */
export const CONNECTION_LIMITS: ConnectionLimits = {
  total: 8192,
  perAddress: 2048,
  unused: 1024,
  headersTimeoutMs: 10_000,
}
/** Late heads are looked for this often. */
export const LATE_CHECK_MS = 2000
/** Header bytes of a request, its address included. */
export const MAX_HEADER_BYTES = 16 * 1024
