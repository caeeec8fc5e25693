import type { NodeSample } from './many-node.ts'

/**
 * What the slowest layer got over what one got on average, in the worst window of this length: from the first byte of any until the
 * first of them is complete. 1 is fair, 0 is starved; `null` when no window is so long.
 */
export function slowestOverMean(
  samples: readonly NodeSample[],
  { sizes, windowMs }: { sizes: readonly number[]; windowMs: number },
): number | null {
  const first = samples.findIndex(({ receivedBytes }) => sum(receivedBytes) > 0)
  const end = samples.findIndex(({ receivedBytes }) =>
    receivedBytes.some((bytes, index) => bytes >= (sizes[index] ?? 0)),
  )
  const looked = first < 0 ? [] : samples.slice(Math.max(0, first - 1), end < 0 ? undefined : end)
  let worst: number | null = null
  let last = 0
  for (const from of looked) {
    while (last < looked.length && (looked[last]?.atMs ?? 0) - from.atMs < windowMs) last += 1
    const to = looked[last]
    if (to === undefined) break
    const share = leastOverMean(to.receivedBytes.map((bytes, index) => bytes - (from.receivedBytes[index] ?? 0)))
    worst = Math.min(worst ?? share, share)
  }
  return worst
}

/** The same of what those that are not complete have got when half of all bytes are here. */
export function slowestOverMeanAtHalf(samples: readonly NodeSample[], sizes: readonly number[]): number | null {
  const half = samples.find(({ receivedBytes }) => sum(receivedBytes) >= sum(sizes) / 2)
  const open = half?.receivedBytes.filter((bytes, index) => bytes < (sizes[index] ?? 0)) ?? []
  return open.length === 0 ? null : leastOverMean(open)
}

/** When the first and the last layer had half of its bytes, in seconds since the first sample. */
export function halfTimes(
  samples: readonly NodeSample[],
  sizes: readonly number[],
): { first: number; last: number } | null {
  const [begin] = samples
  const times = sizes.map((size, index) => {
    const at = samples.find(({ receivedBytes }) => (receivedBytes[index] ?? 0) >= size / 2)?.atMs
    return ((at ?? Number.NaN) - (begin?.atMs ?? 0)) / 1000
  })
  return times.some(Number.isNaN) ? null : { first: Math.min(...times), last: Math.max(...times) }
}

function leastOverMean(values: readonly number[]): number {
  const mean = sum(values) / values.length
  return mean === 0 ? 0 : Math.min(...values) / mean
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0)
}
