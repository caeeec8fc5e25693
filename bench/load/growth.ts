/** A value at a time. */
export interface Sample {
  readonly minutes: number
  readonly value: number
}

/**
 * By how much a value grew from the first sample to the last, as a share of its median: the median slope of all pairs of samples (Theil and Sen) times
 * the time between them. Less than 29 % of the samples cannot change it by as much as they like, as a single bad end point would.
 */
export function growthOf(samples: readonly Sample[]): number {
  const slopes = samples.flatMap((from, index) => {
    return samples.slice(index + 1).map((to) => (to.value - from.value) / (to.minutes - from.minutes))
  })
  const minutes = (samples.at(-1)?.minutes ?? 0) - (samples[0]?.minutes ?? 0)
  return (median(slopes) * minutes) / median(samples.map(({ value }) => value))
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return ((sorted[middle] ?? 0) + (sorted[sorted.length - 1 - middle] ?? 0)) / 2
}
