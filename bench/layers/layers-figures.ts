/** One run as the result file keeps it: measured, or why not. */
export type LayerRow = LayerRun | LayerFailure

/** What was done with which image by whom. */
export interface LayerPlace {
  /** Of the guest; `base` for the base itself. */
  readonly middle: string
  /** Whether it is among the set of three. */
  readonly isInSmallSet: boolean
  readonly variant: 'flat' | 'untrimmed'
  readonly what: 'original' | 'compress' | 'middle' | 'compose-raw' | 'compose-qcow2'
  readonly engine: string
  readonly round: number
}

export interface LayerRun extends LayerPlace {
  readonly wallSeconds: number
  readonly cpuSeconds: number
  readonly peakRssMiB: number
  /** Of the file that was written. */
  readonly bytes: number
}

export interface LayerFailure extends LayerPlace {
  readonly reason: string
}

type Figures = Record<string, number | string | null>
type Selection = Partial<LayerPlace>

const OURS = 'shoal'
const GIB = 1024 ** 3

/** The bench's answer; see README.md beside this file. A ratio of which one side is missing is `null`. */
export function layersFigures(rows: readonly LayerRow[]): Figures {
  const failed = rows.find((row) => 'reason' in row)
  const flat = { what: 'compress', variant: 'flat', engine: 'qemu-zstd' } as const
  const ours = { what: 'middle', variant: 'flat', engine: OURS } as const
  const rebase = { ...ours, engine: 'qemu-rebase-zstd' } as const
  const small = { isInSmallSet: true } as const
  const base = { ...flat, middle: 'base' }
  return {
    middleOverFlat: ratio(bytes(rows, { ...ours, ...small }), bytes(rows, { ...flat, ...small })),
    middleOverQemuRebase: ratio(bytes(rows, { ...ours, ...small }), bytes(rows, { ...rebase, ...small })),
    publishSecondsPerGiB: secondsPerGiB(rows, OURS),
    composeVsQemuConvert: worstCompose(rows, 'qemu-convert'),
    ...(failed === undefined ? {} : { reason: `${failed.what} by ${failed.engine}: ${failed.reason}`.slice(0, 300) }),
    qemuRebaseSecondsPerGiB: secondsPerGiB(rows, 'qemu-rebase'),
    qemuRebaseZstdSecondsPerGiB: secondsPerGiB(rows, 'qemu-rebase-zstd'),
    qemuMiddleOverFlat: ratio(bytes(rows, { ...rebase, ...small }), bytes(rows, { ...flat, ...small })),
    untrimmedMiddleOverFlat: ratio(
      bytes(rows, { ...ours, ...small, variant: 'untrimmed' }),
      bytes(rows, { ...flat, ...small, variant: 'untrimmed' }),
    ),
    untrimmedMiddleOverTrimmed: ratio(
      bytes(rows, { ...ours, ...small, variant: 'untrimmed' }),
      bytes(rows, { ...ours, ...small }),
    ),
    layersOverFlats3: ratio(
      add(bytes(rows, base), bytes(rows, { ...ours, ...small })),
      bytes(rows, { ...flat, ...small }),
    ),
    layersOverFlatsAll: ratio(add(bytes(rows, base), bytes(rows, ours)), bytes(rows, flat)),
    composeVsCopy: worstCompose(rows, 'cp-sparse'),
    peakRssMiB: peak(rows),
    middles: new Set(rows.map(({ middle }) => middle).filter((middle) => middle !== 'base')).size,
  }
}

/** Of all images of a kind together, each counted once; `null` when one is missing or there is none. */
function bytes(rows: readonly LayerRow[], selection: Selection): number | null {
  const found = select(rows, { round: 0, ...selection }).filter(
    ({ middle }) => selection.middle !== undefined || middle !== 'base',
  )
  if (found.length === 0 || found.some((row) => 'reason' in row)) return null
  return found.reduce((sum, row) => sum + ('bytes' in row ? row.bytes : 0), 0)
}

/** Median over all runs, per GiB of the flat image's file. */
function secondsPerGiB(rows: readonly LayerRow[], engine: string): number | null {
  const runs = measured(select(rows, { what: 'middle', engine }))
  const each = runs.flatMap(({ wallSeconds, middle, variant }) => {
    const [image] = measured(select(rows, { what: 'original', middle, variant }))
    return image === undefined ? [] : [wallSeconds / (image.bytes / GIB)]
  })
  return median(each)
}

/** The largest ratio of medians over middles and formats. */
function worstCompose(rows: readonly LayerRow[], baseline: string): number | null {
  const ratios = (['compose-raw', 'compose-qcow2'] as const).flatMap((what) => {
    const names = new Set(select(rows, { what, engine: baseline, variant: 'flat' }).map(({ middle }) => middle))
    return [...names].map((middle) => {
      const seconds = (engine: string) =>
        median(measured(select(rows, { what, middle, engine, variant: 'flat' })).map(({ wallSeconds }) => wallSeconds))
      return ratio(seconds(OURS), seconds(baseline))
    })
  })
  const known = ratios.filter((value) => value !== null)
  return known.length === 0 || known.length < ratios.length ? null : Math.max(...known)
}

function peak(rows: readonly LayerRow[]): number | null {
  const runs = measured(select(rows, { engine: OURS }))
  return runs.length === 0 ? null : Math.max(...runs.map(({ peakRssMiB }) => peakRssMiB))
}

function select(rows: readonly LayerRow[], selection: Selection): LayerRow[] {
  const wanted = Object.entries(selection)
  return rows.filter((row) => wanted.every(([key, value]) => row[key as keyof LayerPlace] === value))
}

function measured(rows: readonly LayerRow[]): LayerRun[] {
  return rows.filter((row) => 'wallSeconds' in row)
}

function median(values: readonly number[]): number | null {
  if (values.length === 0) return null
  const sorted = [...values].sort((one, other) => one - other)
  const [low = 0, high = 0] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[Math.floor(sorted.length / 2)]]
  return round((low + high) / 2)
}

function ratio(one: number | null, other: number | null): number | null {
  return one === null || other === null || other === 0 ? null : round(one / other)
}

function add(one: number | null, other: number | null): number | null {
  return one === null || other === null ? null : one + other
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
