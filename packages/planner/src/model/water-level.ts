/** Flows that share a link: `counts[i]` of them want `rates[i]` each. */
export interface Flows {
  readonly rates: readonly number[]
  readonly counts: readonly number[]
  /** Only those from here on, and before `to`. */
  readonly from: number
  readonly to: number
}

/**
 * The highest level to which rates may rise so that, cut off there, they add up to no more than the supply: max-min
 * fairness.
 */
export function waterLevel({ rates, counts, from, to }: Flows, supply: number): number {
  let level = 0
  for (;;) {
    let [below, above] = [0, 0]
    for (let index = from; index < to; index += 1) {
      const rate = rates[index] ?? 0
      const count = counts[index] ?? 0
      if (rate <= level) below += rate * count
      else above += count
    }
    if (above === 0) return Number.POSITIVE_INFINITY
    const next = Math.max(0, supply - below) / above
    // What is below the level stays below as it rises, so that each round has fewer above it.
    if (next <= level * (1 + 1e-12)) return level
    level = next
  }
}
