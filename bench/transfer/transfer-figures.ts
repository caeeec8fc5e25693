import type { Transfer } from './measure-transfer.ts'

/** One run as the result file keeps it: measured, or why not. */
export type TransferRow = { readonly fileSystem: FileSystem; readonly round: number } & (
  | Transfer
  | { readonly engine: string; readonly peers: number; readonly mib: number; readonly reason: string }
)

export type FileSystem = 'tmpfs' | 'disk'

const OURS = 'shoal'
/** Daemons whose code has run before. */
const WARM = 'shoal-warm'
const BASELINES = ['aria2', 'libtorrent']

interface Medians {
  readonly cpuPerGiB: number
  readonly wallSeconds: number
  readonly mbPerSecond: number
  readonly seedCopies: number | null
}

/**
 * The bench's answer. Ratios are medians of ours over the better median of aria2 and libtorrent in the same place; the
 * headline is the worst of them, and `null` with a reason as soon as one is missing.
 */
export function transferFigures(
  rows: readonly TransferRow[],
  cells: readonly { fileSystem: FileSystem; peers: number }[],
): Record<string, number | string | null> {
  const perCell: Record<string, number | string | null> = {}
  const cpu: (number | null)[] = []
  const warmCpu: (number | null)[] = []
  const wall: (number | null)[] = []
  for (const { fileSystem, peers } of cells) {
    const of = (engine: string) => {
      const name = (row: TransferRow) => row.fileSystem === fileSystem && row.peers === peers && row.engine === engine
      return mediansOf(rows.filter(name))
    }
    const ours = of(OURS)
    const others = BASELINES.map(of).filter((medians) => medians !== null)
    const ratio = (pick: (medians: Medians) => number, mine = ours) =>
      mine === null || others.length === 0 ? null : round(pick(mine) / Math.min(...others.map(pick)))
    const name = `${fileSystem}N${peers}`
    cpu.push(ratio(({ cpuPerGiB }) => cpuPerGiB))
    wall.push(ratio(({ wallSeconds }) => wallSeconds))
    warmCpu.push(ratio(({ cpuPerGiB }) => cpuPerGiB, of(WARM)))
    perCell[`${name}CpuPerGiBVsBest`] = cpu.at(-1) ?? null
    perCell[`${name}WarmCpuPerGiBVsBest`] = warmCpu.at(-1) ?? null
    perCell[`${name}WallVsBest`] = wall.at(-1) ?? null
    for (const engine of [OURS, WARM, ...BASELINES]) {
      const medians = of(engine)
      perCell[`${name}${capital(engine)}CpuPerGiB`] = medians?.cpuPerGiB ?? null
      perCell[`${name}${capital(engine)}MbPerSecond`] = medians?.mbPerSecond ?? null
    }
    perCell[`${name}SeedCopies`] = ours?.seedCopies ?? null
  }
  const failed = rows.find((row) => 'reason' in row && [OURS, ...BASELINES].includes(row.engine))
  const peaks = rows.filter((row) => row.engine === OURS && 'peakRssMiB' in row) as Transfer[]
  return {
    cpuPerGiBVsBest: worst(cpu),
    warmCpuPerGiBVsBest: worst(warmCpu),
    wallVsBest: worst(wall),
    peakRssMiB: peaks.length === 0 ? null : Math.max(...peaks.map(({ peakRssMiB }) => peakRssMiB)),
    busyElsewhere: busyElsewhere(rows),
    ...(failed !== undefined && 'reason' in failed
      ? { reason: `${failed.engine}: ${failed.reason}`.slice(0, 300) }
      : {}),
    ...perCell,
  }
}

/** Medians of the runs that were measured; `null` when more failed than that. */
export function mediansOf(rows: readonly TransferRow[]): Medians | null {
  const runs = rows.filter((row): row is TransferRow & Transfer => !('reason' in row))
  if (runs.length <= rows.length / 2) return null
  const copies = runs.map(({ seedCopies }) => seedCopies).filter((value) => value !== null)
  return {
    cpuPerGiB: median(runs.map(({ cpuPerGiB }) => cpuPerGiB)),
    wallSeconds: median(runs.map(({ wallSeconds }) => wallSeconds)),
    mbPerSecond: median(runs.map(({ mbPerSecond }) => mbPerSecond)),
    seedCopies: copies.length === 0 ? null : median(copies),
  }
}

/** CPU that the machine spent on other things over what the measured processes used: near 0, or the times say little. */
function busyElsewhere(rows: readonly TransferRow[]): number | null {
  const runs = rows.filter((row): row is TransferRow & Transfer => !('reason' in row))
  if (runs.length === 0) return null
  const shares = runs.map((run) => run.machineCpuSeconds / (run.seedCpuSeconds + run.peerCpuSeconds) - 1)
  return round(Math.max(0, median(shares)))
}

function worst(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null)
  return known.length === 0 || known.length < values.length ? null : Math.max(...known)
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const [low = 0, high = 0] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[Math.floor(sorted.length / 2)]]
  return round((low + high) / 2)
}

function capital(name: string): string {
  return name.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
