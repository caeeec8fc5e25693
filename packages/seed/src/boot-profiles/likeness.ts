import { blockKeys, type Trace } from './block-trace.ts'

/** The Jaccard index of two sets: what both have over what either has; 1 for two that are empty. */
export function jaccard(one: ReadonlySet<number>, other: ReadonlySet<number>): number {
  let both = 0
  for (const member of one) if (other.has(member)) both += 1
  return index(both, one.size, other.size)
}

/** How alike boots are: the mean Jaccard index of all pairs of their sets of blocks; 1 for a single one. */
export function meanLikeness(traces: readonly Trace[]): number {
  // In sorted lists what two have in common is found many times as fast as in sets.
  const sorted = traces.map((trace) => Uint32Array.from(blockKeys(trace)).sort())
  let sum = 0
  let pairs = 0
  for (const [at, one] of sorted.entries()) {
    for (const other of sorted.slice(at + 1)) {
      sum += index(common(one, other), one.length, other.length)
      pairs += 1
    }
  }
  return pairs === 0 ? 1 : sum / pairs
}

/** How many numbers two ascending lists have in common. */
function common(one: Uint32Array, other: Uint32Array): number {
  let both = 0
  for (let [left, right] = [0, 0]; left < one.length && right < other.length; ) {
    const difference = (one[left] ?? 0) - (other[right] ?? 0)
    if (difference === 0) both += 1
    if (difference <= 0) left += 1
    if (difference >= 0) right += 1
  }
  return both
}

function index(both: number, one: number, other: number): number {
  const either = one + other - both
  return either === 0 ? 1 : both / either
}
