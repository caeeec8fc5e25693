import { blockKeys, type Trace } from './block-trace.ts'

/** The Jaccard index of two sets: what both have over what either has; 1 for two that are empty. */
export function jaccard(one: ReadonlySet<number>, other: ReadonlySet<number>): number {
  let both = 0
  for (const member of one) if (other.has(member)) both += 1
  const either = one.size + other.size - both
  return either === 0 ? 1 : both / either
}

/** How alike boots are: the mean Jaccard index of all pairs of their sets of blocks; 1 for a single one. */
export function meanLikeness(traces: readonly Trace[]): number {
  const sets = traces.map((trace) => new Set(blockKeys(trace)))
  const pairs = sets.flatMap((one, index) => sets.slice(index + 1).map((other) => jaccard(one, other)))
  return pairs.length === 0 ? 1 : pairs.reduce((sum, likeness) => sum + likeness, 0) / pairs.length
}
