import { runCase } from './run-case.ts'

/** What came of many cases. */
export interface FuzzTally {
  readonly mutations: number
  readonly accepted: number
  readonly refused: number
  /** The first few. */
  readonly failures: readonly { readonly seed: number; readonly reason: string }[]
  readonly failureCount: number
  /** CPU time of the slowest case in this thread. */
  readonly slowestMs: number
  readonly slowestSeed: number
}

const MAX_FAILURES = 10

/** Runs the cases of some seeds one after the other, until there are no more or `isOver` says so. */
export async function runRange(seeds: Iterable<number>, isOver: () => boolean = () => false): Promise<FuzzTally> {
  let [accepted, refused, failureCount, slowestMs, slowestSeed] = [0, 0, 0, 0, 0]
  const failures: { seed: number; reason: string }[] = []
  for (const seed of seeds) {
    if (isOver()) break
    // A clock on the wall would count what other processes do.
    const before = process.threadCpuUsage()
    const { isAccepted, failure } = await runCase(seed)
    const { user, system } = process.threadCpuUsage(before)
    const ms = (user + system) / 1000
    if (ms > slowestMs) [slowestMs, slowestSeed] = [ms, seed]
    if (isAccepted) accepted += 1
    else refused += 1
    if (failure === undefined) continue
    failureCount += 1
    if (failures.length < MAX_FAILURES) failures.push({ seed, reason: failure })
  }
  return { mutations: accepted + refused, accepted, refused, failures, failureCount, slowestMs, slowestSeed }
}
