import type { BenchFigures } from '../run.ts'
import type { BlockPattern } from './block-pattern.ts'

/** One pattern read through one server. */
export interface BlockRow {
  readonly disk: string
  readonly pattern: string
  readonly engine: string
  readonly round: number
  readonly iops: number
  readonly mibPerSecond: number
  readonly serverCpuSeconds: number
  readonly serverPeakRssMiB: number
}

const OURS = 'shoal'
const DEPTH = 16

/** Medians of ours over those of others; what a bench is asked for is the worst of its disks and sizes. */
export function blockFigures(rows: readonly BlockRow[], patterns: readonly BlockPattern[]): BenchFigures {
  const disks = [...new Set(rows.map(({ disk }) => disk))]
  const ratios = (other: string, isWanted: (pattern: BlockPattern) => boolean) =>
    disks.flatMap((disk) =>
      patterns.filter(isWanted).flatMap(({ name }) => {
        const [one, two] = [median(rows, disk, name, OURS), median(rows, disk, name, other)]
        return one === undefined || two === undefined ? [] : [one / two]
      }),
    )
  const isQueued = ({ isSequential, depth }: BlockPattern) => !isSequential && depth === DEPTH
  const isAlone = ({ isSequential, depth }: BlockPattern) => !isSequential && depth === 1
  const isSequential = (pattern: BlockPattern) => pattern.isSequential
  const each = disks.flatMap((disk) =>
    patterns.flatMap(({ name }) =>
      ['shoal', 'qemu-nbd', 'nbdkit'].flatMap((engine) => {
        const iops = median(rows, disk, name, engine)
        return iops === undefined ? [] : [[`${disk} ${name} ${engine} iops`, Math.round(iops)] as const]
      }),
    ),
  )
  return {
    iopsVsQemuNbd: worst(ratios('qemu-nbd', isQueued)),
    sequentialVsQemuNbd: worst(ratios('qemu-nbd', isSequential)),
    iopsAtDepth1VsQemuNbd: worst(ratios('qemu-nbd', isAlone)),
    iopsVsNbdkit: worst(ratios('nbdkit', isQueued)),
    sequentialVsNbdkit: worst(ratios('nbdkit', isSequential)),
    ...Object.fromEntries(each),
  }
}

function median(rows: readonly BlockRow[], disk: string, pattern: string, engine: string): number | undefined {
  const values = rows
    .filter((row) => row.disk === disk && row.pattern === pattern && row.engine === engine)
    .map(({ iops }) => iops)
    .sort((one, other) => one - other)
  const [low, high] = [values[Math.ceil(values.length / 2) - 1], values[Math.floor(values.length / 2)]]
  return low === undefined || high === undefined ? undefined : (low + high) / 2
}

function worst(ratios: readonly number[]): number | null {
  return ratios.length === 0 ? null : Math.round(Math.min(...ratios) * 100) / 100
}
