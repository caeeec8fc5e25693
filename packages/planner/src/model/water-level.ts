/**
 * The highest level to which rates may rise so that, cut off there, they add up to no more than the supply: max-min fairness over one
 * link. `count[i]` flows want `rate[i]` each.
 */
export function waterLevel(rates: readonly number[], counts: readonly number[], supply: number): number {
  let level = 0
  for (;;) {
    let [below, above] = [0, 0]
    for (const [index, rate] of rates.entries()) {
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
