import { createTrace } from './request-trace.ts'
import { cacheImproved, joint, nova, perRequest, type Scheduler } from './schedulers.ts'
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
export const UNEVEN = 'joint, spread 0.03'

export const SCHEDULERS: Readonly<Record<string, Scheduler>> = {
  nova,
  cacheImproved,
  // The defaults of infra/nova and of POST /v1/placement; those below show what other settings trade.
  perRequest: perRequest({ multiplier: 2, penalty: 0.05 }),
  joint: joint({ spread: 1 }),
  'perRequest x 0.5': perRequest({ multiplier: 0.5, penalty: 0.05 }),
  'perRequest x 1': perRequest({ multiplier: 1, penalty: 0.05 }),
  'perRequest x 4': perRequest({ multiplier: 4, penalty: 0.05 }),
  [UNEVEN]: joint({ spread: 0.03 }),
  'joint, spread 0.5': joint({ spread: 0.5 }),
  'joint, spread 4': joint({ spread: 4 }),
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
