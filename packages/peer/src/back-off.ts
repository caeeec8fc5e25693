/**
 * Wait before the attempt after `failures` failures in a row: exponential, with a random half of it taken off, so that
 * many nodes that lost the same seed do not come back at once ("equal jitter").
 */
export function backOffMs(failures: number, random: () => number, bounds: { firstMs: number; lastMs: number }): number {
  const ceiling = Math.min(bounds.lastMs, bounds.firstMs * 2 ** Math.min(Math.max(failures - 1, 0), 30))
  return ceiling / 2 + (random() * ceiling) / 2
}

/** A period with a tenth of it either way, so that the requests of many nodes spread out. */
export function jittered(periodMs: number, random: () => number): number {
  return periodMs * (0.9 + random() * 0.2)
}
