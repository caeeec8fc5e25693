/** One pass as the result file keeps it: measured, or why not. */
export type ReadRow = ReadRun | ReadFailure

interface ReadPlace {
  readonly image: string
  readonly pattern: string
  readonly engine: string
  readonly round: number
}

export interface ReadRun extends ReadPlace {
  readonly mibPerSecond: number
  readonly cpuPerGiB: number
  readonly clientCpuPerGiB?: number
  readonly peakRssMiB: number
}

interface ReadFailure extends ReadPlace {
  readonly reason: string
}

const OURS = 'shoal'

/** The bench's answer; see README.md beside this file. The headline is `null` as soon as a run failed. */
export function readFigures(rows: readonly ReadRow[]): Record<string, number | string | null> {
  const failed = rows.find((row) => 'reason' in row)
  const runs = rows.filter((row): row is ReadRun => !('reason' in row))
  const medianOf = (cell: string, engine: string, pick: (run: ReadRun) => number) =>
    median(runs.filter((run) => run.engine === engine && cellOf(run) === cell).map(pick))
  const cells = [...new Set(rows.map(cellOf))]
  const ratios = (engine: string, pick: (run: ReadRun) => number) =>
    cells.map((cell) => ratio(medianOf(cell, OURS, pick), medianOf(cell, engine, pick)))
  const speed = ({ mibPerSecond }: ReadRun) => mibPerSecond
  const cpu = ({ cpuPerGiB }: ReadRun) => cpuPerGiB
  const peaks = runs.filter(({ engine }) => engine === OURS).map(({ peakRssMiB }) => peakRssMiB)
  return {
    mibPerSecondVsQemuNbd: extreme(Math.min, ratios('qemu-nbd', speed)),
    mibPerSecondVsQemuImg: extreme(Math.min, ratios('qemu-img', speed)),
    cpuPerGiBVsQemuNbd: extreme(Math.max, ratios('qemu-nbd', cpu)),
    cpuPerGiBVsQemuImg: extreme(Math.max, ratios('qemu-img', cpu)),
    peakRssMiB: peaks.length === 0 ? null : Math.max(...peaks),
    ...(failed === undefined ? {} : { reason: `${failed.engine}, ${cellOf(failed)}: ${failed.reason}`.slice(0, 300) }),
    ...Object.fromEntries(ratios('qemu-nbd', speed).map((value, index) => [`${cells[index]}VsQemuNbd`, value])),
    ...Object.fromEntries(cells.map((cell) => [`${cell}MibPerSecond`, medianOf(cell, OURS, speed)])),
  }
}

function cellOf({ image, pattern }: ReadPlace): string {
  const words = `${image}-${pattern}`.split('-')
  return words.map((word, index) => (index === 0 ? word : `${word.charAt(0).toUpperCase()}${word.slice(1)}`)).join('')
}

function extreme(choose: (...values: number[]) => number, values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null)
  return known.length === 0 || known.length < values.length ? null : choose(...known)
}

function ratio(one: number | null, other: number | null): number | null {
  return one === null || other === null || other === 0 ? null : Math.round((one / other) * 100) / 100
}

function median(values: readonly number[]): number | null {
  if (values.length === 0) return null
  const sorted = [...values].sort((one, other) => one - other)
  const [low = 0, high = 0] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[Math.floor(sorted.length / 2)]]
  return (low + high) / 2
}
