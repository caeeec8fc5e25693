/** Bytes counted so far at a moment. */
export interface Count {
  readonly atMs: number
  readonly bytes: number
}

/** A rate that holds from a moment on. */
export interface RateFrom {
  readonly atMs: number
  readonly bytesPerSecond: number
}

/** By how much the worst window passed more, and less, than allowed: shares of what was allowed. */
export interface WindowError {
  readonly over: number
  readonly under: number
  readonly windows: number
}

/**
 * Looks at every window of this length that begins and ends with a count and lies after the first byte: what passed,
 * against what the rates allowed in it.
 */
export function worstWindowError(counts: readonly Count[], rates: readonly RateFrom[], windowMs: number): WindowError {
  const first = counts.findIndex(({ bytes }) => bytes > 0)
  const looked = first < 0 ? [] : counts.slice(first)
  let [over, under, windows] = [0, 0, 0]
  let end = 0
  for (const from of looked) {
    while (end < looked.length && (looked[end]?.atMs ?? 0) - from.atMs < windowMs) end += 1
    const to = looked[end]
    if (to === undefined) break
    const error = (to.bytes - from.bytes) / allowedBytes(rates, from.atMs, to.atMs) - 1
    over = Math.max(over, error)
    under = Math.max(under, -error)
    windows += 1
  }
  return { over, under, windows }
}

function allowedBytes(rates: readonly RateFrom[], fromMs: number, toMs: number): number {
  return rates.reduce((sum, { atMs, bytesPerSecond }, index) => {
    const until = rates[index + 1]?.atMs ?? Number.POSITIVE_INFINITY
    const heldMs = Math.max(0, Math.min(toMs, until) - Math.max(fromMs, atMs))
    return sum + (heldMs / 1000) * bytesPerSecond
  }, 0)
}

/** One count of several that were taken at different moments: at each moment of the first, what all had by then. */
export function sumCounts(series: readonly (readonly Count[])[]): Count[] {
  const [first = [], ...others] = series
  return first.map(({ atMs, bytes }) => {
    return { atMs, bytes: others.reduce((sum, counts) => sum + bytesAt(counts, atMs), bytes) }
  })
}

/** Between two counts, as if the bytes had come evenly. */
function bytesAt(counts: readonly Count[], atMs: number): number {
  const next = counts.findIndex((count) => count.atMs >= atMs)
  const [before, after] = [counts[next - 1], counts[next]]
  if (after === undefined) return counts.at(-1)?.bytes ?? 0
  if (before === undefined) return after.bytes
  const share = (atMs - before.atMs) / (after.atMs - before.atMs)
  return before.bytes + share * (after.bytes - before.bytes)
}
