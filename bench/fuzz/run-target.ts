import type { FuzzTarget } from '@shoal/core/fuzz'
import { mutate } from './mutate.ts'

export interface FuzzFinding {
  readonly target: string
  /** Makes the input again. */
  readonly seed: number
  readonly reason: string
  /** The input, hexadecimal; the first part of a long one. */
  readonly input: string
}

export interface FuzzTally {
  readonly executions: number
  /** Inputs that the parser took. */
  readonly taken: number
  readonly slowestMs: number
  readonly findingCount: number
  readonly findings: readonly FuzzFinding[]
}

/** An input that takes longer brings the daemon down when it is sent again and again. Of CPU time: the machine does other things. */
const MAX_MS = 200
const MAX_FINDINGS = 20
const MAX_SHOWN_BYTES = 400
/** What is done later of an input, such as in the next tick, is done between these. */
const TURN_EVERY = 512

/** Runs a target on the inputs of the seeds from `first` on: `count` of them, until `isOver`. `onSeed` is called before each. */
export async function runTarget(
  target: FuzzTarget,
  options: { first: number; count: number; isOver?: () => boolean; onSeed?: (seed: number) => void },
): Promise<FuzzTally> {
  const { first, count, isOver = () => false, onSeed = () => {} } = options
  const { corpus, words = [], execute } = target
  const findings: FuzzFinding[] = []
  let [executions, taken, slowestMs, findingCount] = [0, 0, 0, 0]
  const find = (seed: number, input: Buffer, reason: string) => {
    findingCount += 1
    if (findings.length >= MAX_FINDINGS) return
    findings.push({ target: target.name, seed, reason, input: input.toString('hex', 0, MAX_SHOWN_BYTES) })
  }
  for (let seed = first; seed < first + count; seed += 1) {
    onSeed(seed)
    const input = mutate(corpus, words, seed)
    const startedAt = performance.now()
    try {
      const answer = execute(input)
      if (answer instanceof Promise ? await answer : answer) taken += 1
    } catch (error) {
      find(seed, input, error instanceof Error ? `${error.name}: ${error.message}` : String(error))
    }
    const ms = performance.now() - startedAt
    executions += 1
    if (ms > MAX_MS && cpuMs(() => execute(input)) > MAX_MS) find(seed, input, `it takes ${Math.round(ms)} ms`)
    else if (ms <= MAX_MS) slowestMs = Math.max(slowestMs, ms)
    if (executions % TURN_EVERY !== 0) continue
    await new Promise((resolve) => setImmediate(resolve))
    if (isOver()) break
  }
  return { executions, taken, slowestMs: Math.round(slowestMs * 10) / 10, findingCount, findings }
}

/** What once took long may have waited for the processor: it is done again and measured. */
function cpuMs(task: () => unknown): number {
  const before = process.threadCpuUsage()
  try {
    task()
  } catch {
    // It was found already.
  }
  const { user, system } = process.threadCpuUsage(before)
  return (user + system) / 1000
}
