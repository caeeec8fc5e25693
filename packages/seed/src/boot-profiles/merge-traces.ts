import { blockKeys, fromBlockKey, MAX_TRACE_BLOCKS, type Trace } from './block-trace.ts'

/** As a run of a trace, with the part of the recordings that read it. */
export type ScoredRun = readonly [layer: number, firstBlock: number, blocks: number, score: number]

/** What fewer read comes behind all else. */
export const STABLE_SCORE = 0.5

interface Ranked {
  readonly key: number
  readonly score: number
  readonly rank: number
}

/**
 * One order of blocks out of those of several boots: first what at least half of them read, then the rest; within
 * each by the median of the places at which they read it first. A median does not move when one boot was unlike the
 * others.
 */
export function mergeTraces(traces: readonly Trace[]): ScoredRun[] {
  const ranks = new Map<number, number[]>()
  for (const trace of traces) {
    for (const [rank, key] of blockKeys(trace).entries()) {
      const known = ranks.get(key)
      if (known === undefined) ranks.set(key, [rank])
      else known.push(rank)
    }
  }
  const ranked = [...ranks].map(([key, places]): Ranked => {
    return { key, score: places.length / traces.length, rank: median(places) }
  })
  ranked.sort((a, b) => Number(isStable(b.score)) - Number(isStable(a.score)) || a.rank - b.rank || a.key - b.key)
  return toRuns(ranked.slice(0, MAX_TRACE_BLOCKS))
}

export function isStable(score: number): boolean {
  return score >= STABLE_SCORE
}

function median(values: number[]): number {
  const sorted = values.sort((a, b) => a - b)
  const middle = sorted.length / 2
  const upper = sorted[Math.floor(middle)] ?? 0
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? 0) + upper) / 2 : upper
}

function toRuns(ranked: readonly Ranked[]): ScoredRun[] {
  const runs: [number, number, number, number][] = []
  for (const { key, score } of ranked) {
    const { layer, block } = fromBlockKey(key)
    const last = runs.at(-1)
    const isNext = last?.[0] === layer && last[1] + last[2] === block && last[3] === score
    if (last !== undefined && isNext) last[2] += 1
    else runs.push([layer, block, 1, score])
  }
  return runs
}
