import type { BenchFigures } from '../run.ts'
import type { ColdLoad, ColdRow } from './cold-reads.ts'

/** All rounds of cold reads. */
export interface ColdRun {
  readonly rows: readonly ColdRow[]
  /** What a read of 64 KiB brings over the link. */
  readonly blockLengthBytes: number
  readonly linkBytesPerSecond: number
  /** Of a TCP connection between two nodes, the median. */
  readonly roundTripMs: number
}

const SHARES = [
  ['P50', 0.5],
  ['P90', 0.9],
  ['P99', 0.99],
  ['Max', 1],
] as const

/** Over the reads of all rounds together. */
export function coldFigures(cold: ColdRun | { readonly reason: string }): BenchFigures {
  const run = 'reason' in cold ? undefined : cold
  const of = (load: ColdLoad, name: string) => {
    const readMs = (run?.rows ?? []).filter((row) => row.load === load).flatMap((row) => row.readMs)
    readMs.sort((one, other) => one - other)
    const rates = (run?.rows ?? []).filter((row) => row.load === load).map(({ nodeMBPerSecond }) => nodeMBPerSecond)
    return {
      ...Object.fromEntries(SHARES.map(([label, share]) => [`coldRead${label}${name}Ms`, at(readMs, share)])),
      [`coldReads${name}`]: run === undefined ? null : readMs.length,
      [`coldReadNode${name}MBPerSecond`]: rates.length === 0 ? null : Math.min(...rates),
    }
  }
  return {
    ...of('idle', ''),
    ...of('download', 'BesideDownload'),
    linkBlockMs: run === undefined ? null : round((run.blockLengthBytes / run.linkBytesPerSecond) * 1000),
    linkRoundTripMs: run?.roundTripMs ?? null,
    ...('reason' in cold ? { reason: cold.reason.slice(0, 300) } : {}),
  }
}

function at(sorted: readonly number[], share: number): number | null {
  const value = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)]
  return value === undefined ? null : round(value)
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
