import { findPolicy, type PolicyName } from '@shoal/cache'
import { beladyDeciders } from './belady.ts'
import { boundHitBytes } from './hit-bound.ts'
import { policyDeciders } from './policy-decider.ts'
import { replay } from './replay.ts'
import type { Trace } from './trace.ts'
import { createTrace, type TraceName } from './traces.ts'

const GIB = 1024 ** 3
const CAPACITY_BYTES = 60 * GIB

/** One run that is wanted. */
export interface CacheOrder {
  readonly trace: TraceName
  readonly starts: number
  /** A policy by its name, or what knows the future. */
  readonly policy: PolicyName | 'belady' | 'bound'
  readonly lastCopiesLast: boolean
}

/** What came out: parts of all that was asked for. What a bound does not say is `null`. */
export interface CacheRow extends CacheOrder {
  /** Of a processor. */
  readonly seconds: number
  readonly byteHitRatio: number
  /** Starts for which every layer was there. */
  readonly startHitRatio: number | null
  readonly fromRack: number | null
  readonly fromZone: number | null
  readonly fromElsewhere: number | null
  readonly fromSeed: number | null
  readonly peersGiB: number | null
  readonly seedGiB: number | null
  readonly evictions: number | null
}

let made: Trace | undefined

export function measureCache(order: CacheOrder): CacheRow {
  const isMade = made?.name === order.trace && made.times.length === order.starts
  const trace = isMade && made !== undefined ? made : createTrace(order.trace, order.starts)
  made = trace
  const begin = process.threadCpuUsage()
  const seconds = () => {
    const { user, system } = process.threadCpuUsage(begin)
    return Math.round((user + system) / 1000) / 1000
  }
  if (order.policy === 'bound') {
    const byteHitRatio = ratio(boundHitBytes(trace, CAPACITY_BYTES), wantedBytes(trace))
    return { ...order, seconds: seconds(), byteHitRatio, ...NOT_SAID }
  }
  const result = replay(trace, CAPACITY_BYTES, decidersFor(order.policy, trace, order.lastCopiesLast))
  const { bytes, rackBytes, zoneBytes, elsewhereBytes, seedBytes } = result
  return {
    ...order,
    seconds: seconds(),
    byteHitRatio: ratio(result.hitBytes, bytes),
    startHitRatio: ratio(result.hits, result.starts),
    fromRack: ratio(rackBytes, bytes),
    fromZone: ratio(zoneBytes, bytes),
    fromElsewhere: ratio(elsewhereBytes, bytes),
    fromSeed: ratio(seedBytes, bytes),
    peersGiB: Math.round((rackBytes + zoneBytes + elsewhereBytes) / GIB),
    seedGiB: Math.round(seedBytes / GIB),
    evictions: result.evictions,
  }
}

function decidersFor(policy: PolicyName | 'belady', trace: Trace, lastCopiesLast: boolean) {
  if (policy === 'belady') return beladyDeciders(trace)
  return policyDeciders(trace, {
    policy: findPolicy(policy),
    lastCopiesLast,
    expires: policy === 'age',
    learns: policy === 'worth',
  })
}

const NOT_SAID = {
  ...{ startHitRatio: null, fromRack: null, fromZone: null, fromElsewhere: null, fromSeed: null },
  ...{ peersGiB: null, seedGiB: null, evictions: null },
}

function wantedBytes({ image, images, layers }: Trace): number {
  const bytesOf = images.map((chain) => chain.reduce((sum, layer) => sum + (layers[layer]?.sizeBytes ?? 0), 0))
  return image.reduce((sum, index) => sum + (bytesOf[index] ?? 0), 0)
}

function ratio(part: number, whole: number): number {
  return Math.round((part / whole) * 10_000) / 10_000
}
