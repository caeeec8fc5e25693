import { setImmediate } from 'node:timers/promises'
import { blockKeys, fromBlockKey, MAX_TRACE_BLOCKS, type Trace } from './block-trace.ts'

/** As a run of a trace, with the part of the recordings that read it. */
export type ScoredRun = readonly [layer: number, firstBlock: number, blocks: number, score: number]

/** What fewer read comes behind all else. */
export const STABLE_SCORE = 0.5
/** So many recordings can be merged. */
export const MAX_TRACES = 64
/** Above the key of every block, and above every number of different blocks. */
const KEYS = 2 ** 23

/** Different blocks, by their keys in ascending order, with the part of the recordings that read each. */
interface Ranked {
  readonly keys: readonly number[]
  readonly scores: readonly number[]
  /** The order in which to fetch them, as indexes. */
  readonly order: Float64Array
}

/**
 * One order of blocks out of those of several boots: first what at least half of them read, then the rest; within
 * each by the median of the places at which they read it first. A median does not move when one boot was unlike the
 * others. `weights`: how much each boot counts, in whole numbers; all the same when absent.
 * Lets others have their turn in between.
 */
export async function mergeTraces(
  traces: readonly Trace[],
  weights: readonly number[] = traces.map(() => 1),
): Promise<ScoredRun[]> {
  if (traces.length > MAX_TRACES || weights.length !== traces.length) throw new TypeError(`${traces.length} traces`)
  const places = sortedPlaces(traces)
  await setImmediate()
  const { keys, scores, order } = rank(places, weights)
  await setImmediate()
  const runs: [number, number, number, number][] = []
  for (const index of order.subarray(0, MAX_TRACE_BLOCKS)) {
    const [key = 0, score = 0] = [keys[index], scores[index]]
    const { layer, block } = fromBlockKey(key)
    const last = runs.at(-1)
    const isNext = last?.[0] === layer && last[1] + last[2] === block && last[3] === score
    if (last !== undefined && isNext) last[2] += 1
    else runs.push([layer, block, 1, score])
  }
  return runs
}

export function isStable(score: number): boolean {
  return score >= STABLE_SCORE
}

/**
 * All blocks of all traces as numbers of key, place in the trace and number of the trace, sorted. Tables of lists of
 * places would take many times as long, on the event loop of the seed.
 */
function sortedPlaces(traces: readonly Trace[]): Float64Array {
  const lists = traces.map((trace) => blockKeys(trace).slice(0, MAX_TRACE_BLOCKS))
  const codes = new Float64Array(lists.reduce((sum, { length }) => sum + length, 0))
  let count = 0
  for (const [trace, keys] of lists.entries()) {
    for (const [place, key] of keys.entries()) {
      codes[count] = (key * MAX_TRACE_BLOCKS + place) * MAX_TRACES + trace
      count += 1
    }
  }
  return codes.sort()
}

function rank(codes: Float64Array, weights: readonly number[]): Ranked {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const keys: number[] = []
  const scores: number[] = []
  const orders: number[] = []
  for (let [start, end] = [0, 0]; start < codes.length; start = end) {
    const key = keyOf(codes[start] ?? 0)
    let weight = 0
    for (end = start; end < codes.length && keyOf(codes[end] ?? 0) === key; end += 1) {
      weight += weights[traceOf(codes[end] ?? 0)] ?? 0
    }
    const score = weight / total
    const doubled = doubledMedian(codes.subarray(start, end), weights, weight / 2)
    const order = Number(!isStable(score)) * MAX_TRACE_BLOCKS * 2 + doubled
    orders.push(order * KEYS + keys.length)
    keys.push(key)
    scores.push(score)
  }
  return {
    keys,
    scores,
    order: Float64Array.from(orders)
      .sort()
      .map((code) => remainder(code, KEYS)),
  }
}

/** Twice the weighted median of the places of a block: where two are in the middle, the sum of both. */
function doubledMedian(codes: Float64Array, weights: readonly number[], half: number): number {
  let weight = 0
  for (const [index, code] of codes.entries()) {
    weight += weights[traceOf(code)] ?? 0
    if (weight === half && index + 1 < codes.length) return placeOf(code) + placeOf(codes[index + 1] ?? 0)
    if (weight >= half) return placeOf(code) * 2
  }
  return 0
}

function keyOf(code: number): number {
  return Math.floor(code / (MAX_TRACE_BLOCKS * MAX_TRACES))
}

function placeOf(code: number): number {
  return remainder(Math.floor(code / MAX_TRACES), MAX_TRACE_BLOCKS)
}

function traceOf(code: number): number {
  return remainder(code, MAX_TRACES)
}

/** As `%`, which is slow for numbers of more than 32 bits. */
function remainder(dividend: number, divisor: number): number {
  return dividend - Math.floor(dividend / divisor) * divisor
}
