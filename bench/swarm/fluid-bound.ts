/** The least that the links allow. Rates are of payload, in bytes per second. */
export interface FluidLinks {
  readonly seedUp: number
  readonly peers: readonly { readonly up: number; readonly down: number }[]
  /** Of each rack that has one, into the rack. */
  readonly uplinks: readonly number[]
}

/**
 * The least time in which the last peer can have the layer, whoever schedules: the seed has to send every byte once, the
 * slowest link and each rack's uplink have to receive every byte once, and all copies together have to be sent by somebody
 * (Mundinger, Weber and Weiss, "Optimal scheduling of peer-to-peer file dissemination", 2008).
 */
export function fluidBoundSeconds(sizeBytes: number, { seedUp, peers, uplinks }: FluidLinks): number {
  const slowest = Math.min(...peers.map(({ down }) => down), ...uplinks)
  const allUp = peers.reduce((sum, { up }) => sum + up, seedUp)
  return Math.max(sizeBytes / seedUp, sizeBytes / slowest, (peers.length * sizeBytes) / allUp)
}
