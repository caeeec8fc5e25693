import { createTrace } from './request-trace.ts'
import { cacheImproved, cacheImprovedBeside, joint, nova, perRequest, type Scheduler } from './schedulers.ts'
import { SimulatedCloud } from './simulated-cloud.ts'

export interface Scale {
  readonly requests: number
  readonly nodes: number
  readonly images: number
}

/** One trace under one scheduler. */
export interface TraceRow extends Scale {
  readonly scheduler: string
  readonly seed: number
  readonly gibMoved: number
  readonly gibFromRack: number
  readonly gibFromElsewhere: number
  readonly gibFromSeed: number
  readonly meanSecondsToImage: number
  readonly p99SecondsToImage: number
  /** VMs that found all of their image. */
  readonly startedAtOnce: number
  /** Mean over the bursts: standard deviation over mean of the memory used on hosts. */
  readonly imbalance: number
  /** Mean over the bursts: the fullest host over the mean. */
  readonly mostOverMean: number
  readonly rejected: number
  /** Of a processor, for each request. */
  readonly milliseconds: number
}

const NODES_PER_RACK = 25
const CACHE_GIB = 8
const GIB = 1024 ** 3
/** The beginning of a trace is not counted in balance: with a handful of VMs every cloud is uneven. */
const WARM_UP = 0.1

/** Ours when balance is worth next to nothing, beside what piles VMs up. */
export const UNEVEN = 'joint, spread 0.01'
/** The default of infra/nova. */
export const MULTIPLIER = 2.5
const PENALTY = 0.05

/** By name; those behind the first five show what other settings trade. */
export const SCHEDULERS: Readonly<Record<string, Scheduler>> = {
  nova,
  cacheImproved,
  cacheImprovedBeside,
  perRequest: perRequest({ multiplier: MULTIPLIER, penalty: PENALTY }),
  // The default of POST /v1/placement.
  joint: joint({ spread: 0.85 }),
  ...Object.fromEntries(
    [1, 1.5, 2, 3, 5, 10].map((multiplier) => {
      return [`perRequest x ${multiplier}`, perRequest({ multiplier, penalty: PENALTY })]
    }),
  ),
  ...Object.fromEntries(
    [0.5, 1, 2, 4].map((multiplier) => {
      return [`unbalanced x ${multiplier}`, perRequest({ multiplier, penalty: PENALTY, isBalanced: false })]
    }),
  ),
  ...Object.fromEntries([0.5, 0.75, 1, 2, 4].map((spread) => [`joint, spread ${spread}`, joint({ spread })])),
  [UNEVEN]: joint({ spread: 0.01 }),
}

export function measureTrace(scheduler: string, seed: number, { requests, nodes, images }: Scale): TraceRow {
  const run = SCHEDULERS[scheduler]
  if (run === undefined) throw new TypeError(`there is no scheduler ${scheduler}`)
  const trace = createTrace({ requests, images, seed })
  const cloud = new SimulatedCloud(trace, { nodes, nodesPerRack: NODES_PER_RACK, cacheGiB: CACHE_GIB })
  const [imbalances, mosts]: [number[], number[]] = [[], []]
  let cpu = 0
  for (const [number, burst] of trace.bursts.entries()) {
    cloud.advance(burst.atSeconds)
    const before = process.threadCpuUsage()
    run(cloud, burst)
    const { user, system } = process.threadCpuUsage(before)
    cpu += user + system
    if (number < WARM_UP * trace.bursts.length) continue
    imbalances.push(cloud.imbalance())
    mosts.push(cloud.mostOverMean())
  }
  const waits = cloud.waits.toSorted((a, b) => a - b)
  const { rack, elsewhere, seed: fromSeed } = cloud.moved
  return {
    ...{ scheduler, seed, requests, nodes, images },
    gibMoved: round((rack + elsewhere + fromSeed) / GIB, 1),
    gibFromRack: round(rack / GIB, 1),
    gibFromElsewhere: round(elsewhere / GIB, 1),
    gibFromSeed: round(fromSeed / GIB, 1),
    meanSecondsToImage: round(mean(waits), 4),
    p99SecondsToImage: round(waits[Math.ceil(waits.length * 0.99) - 1] ?? 0, 3),
    startedAtOnce: round(waits.filter((wait) => wait === 0).length / waits.length, 4),
    imbalance: round(mean(imbalances), 4),
    mostOverMean: round(mean(mosts), 3),
    rejected: cloud.rejected,
    milliseconds: round(cpu / 1000 / requests, 3),
  }
}

export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length
}

export function round(value: number, digits: number): number {
  return Math.round(value * 10 ** digits) / 10 ** digits
}
