import { setTimeout as sleep } from 'node:timers/promises'
import { type ChaosGround, SEED } from './chaos-ground.ts'
import type { PlannedFault } from './fault-plan.ts'
import { FAULT_ACTIONS, type Hold } from './faults.ts'

/** How long a fault may go on beyond its time when it has not shown yet that it bites. */
const PATIENCE_MS = 45_000
const LOOK_MS = 200
const BACK_MS = 180_000
const BACK_LOOK_MS = 500
const MOST_LATE_MS = 30_000

/** What became of one kind of fault. */
export interface FaultTally {
  injected: number
  /** Those that showed that they bit. */
  bit: number
  /** Those whose target was back afterwards. */
  survived: number
  /** From the mending to the target's return. */
  longestSecondsBack: number
}

/** Lets all that is planned happen, at its time. Resolves when everything is mended and back. */
export async function injectFaults(
  ground: ChaosGround,
  plan: readonly PlannedFault[],
  say: (line: string) => void,
): Promise<{ readonly tallies: Record<string, FaultTally>; readonly mended: number }> {
  const tallies: Record<string, FaultTally> = {}
  const startedAt = performance.now()
  // Once one could not be mended nothing more happens: what it would happen to is taken down.
  const failed = new AbortController()
  const untilMs = (atMs: number) =>
    sleep(Math.max(0, startedAt + atMs - performance.now()), undefined, { signal: failed.signal })
  /** Mending the last fault of a target may take longer than planned, and nobody starts behind a cable that is cut: the next one waits. */
  const busy = new Map<string, Promise<void>>()
  const returns: Promise<void>[] = []
  const underFault = new Set<string>()
  const strike = async (planned: PlannedFault, touched: readonly string[], before: readonly Promise<void>[]) => {
    const { fault, target, holdMs, atMs } = planned
    await untilMs(atMs)
    await Promise.all(before)
    const beganAt = performance.now()
    // On a machine that is slow mending takes longer than planned; what would come much later than it should is left out.
    if (beganAt - startedAt > atMs + MOST_LATE_MS) return
    const after = () => ((performance.now() - startedAt) / 1000).toFixed(1)
    say(`${after()} s: ${fault} at ${target} for ${holdMs} ms`)
    tallies[fault] ??= { injected: 0, bit: 0, survived: 0, longestSecondsBack: 0 }
    const tally = tallies[fault]
    tally.injected += 1
    for (const one of touched) underFault.add(one)
    const bit = await FAULT_ACTIONS[fault](ground, planned, holdFor(holdMs, failed.signal)).catch((error: unknown) => {
      failed.abort()
      throw new Error(`${fault} at ${target} could not be done or mended`, { cause: error })
    })
    if (bit) tally.bit += 1
    const took = ((performance.now() - beganAt) / 1000).toFixed(1)
    say(
      `${after()} s: ${fault} at ${target} mended after ${took} s${bit ? '' : ', and nothing shows that it did anything'}`,
    )
    for (const one of touched) underFault.delete(one)
    const back = isBack(ground, target, { underFault, signal: failed.signal }).then((seconds) => {
      tally.survived += 1
      tally.longestSecondsBack = Math.max(tally.longestSecondsBack, Math.round(seconds * 10) / 10)
    })
    back.catch(() => {})
    returns.push(back)
  }
  const all = plan.map((planned) => {
    const touched = [planned.target, ...(ground.racks[planned.target] ?? [])]
    const before = touched.flatMap((one) => busy.get(one) ?? [])
    const done = strike(planned, touched, before)
    for (const one of touched) busy.set(one, done)
    return done
  })
  await Promise.all(all)
  const mended = performance.now()
  await Promise.all(returns)
  return { tallies, mended }
}

/** Faults are in when they strike and how long they last: this is no waiting for something to happen. */
function holdFor(holdMs: number, signal: AbortSignal): Hold {
  return async (hasBitten) => {
    const startedAt = performance.now()
    let bit = false
    for (;;) {
      bit ||= await Promise.resolve(hasBitten()).catch(() => false)
      const leftMs = holdMs + (bit ? 0 : PATIENCE_MS) - (performance.now() - startedAt)
      if (leftMs <= 0) return bit
      await sleep(Math.min(leftMs, bit ? leftMs : LOOK_MS), undefined, { signal })
    }
  }
}

/**
 * Waits until the seed answers, and has heard once of each node that is meant; how long that took. Time in which something else is done to
 * the seed or to those that are missing is not theirs.
 */
async function isBack(
  { cluster, racks, nodes }: ChaosGround,
  target: string,
  { underFault, signal }: { underFault: ReadonlySet<string>; signal: AbortSignal },
): Promise<number> {
  const startedAt = performance.now()
  const missing = new Set(racks[target] ?? nodes.filter((node) => node === target))
  const heard = new Map<string, string>()
  const hears = async () => {
    for (const node of missing) {
      const { state, lastSeenAt } = await cluster.client.showNode({ params: { node } })
      const before = heard.get(node) ?? lastSeenAt
      heard.set(node, before)
      if (state === 'ready' && before !== lastSeenAt) missing.delete(node)
    }
    return missing.size === 0 && (await cluster.client.status()).version !== ''
  }
  let last: unknown
  for (let left = BACK_MS / BACK_LOOK_MS; left > 0; ) {
    const isHeard = await hears().catch((error: unknown) => {
      last = error
      return false
    })
    if (isHeard || signal.aborted) return (performance.now() - startedAt) / 1000
    await sleep(BACK_LOOK_MS)
    if (![SEED, ...missing].some((one) => underFault.has(one))) left -= 1
  }
  throw new Error(`${target} is not back; missing: ${[...missing].join(' ')}`, { cause: last })
}
