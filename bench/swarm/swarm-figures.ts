import type { ChurnRun } from './measure-churn.ts'
import type { SwarmRun } from './measure-swarm.ts'
import type { SwarmCase } from './swarm-setup.ts'

export interface Missing {
  readonly engine: string
  readonly reason: string
}

/** One run as the result file keeps it: measured, or why not. */
export type SwarmRow = { readonly round: number } & (
  | SwarmRun
  | (Missing & { readonly case: SwarmCase; readonly nodes: number })
)
export type ChurnRow = { readonly round: number } & (ChurnRun | (Missing & { readonly scenario: string }))

const OURS = 'shoal'
/** Ours too, in daemons whose code has run before. */
const WARM = 'shoal-warm'

type Figures = Record<string, number | string | null>

/**
 * The bench's answer: medians of each case and number of nodes, and of ours the worst of them. `null` with a reason as soon as
 * one of ours is missing.
 */
export function swarmFigures(rows: readonly SwarmRow[]): Figures {
  const cells = [...new Map(rows.map((row) => [cellName(row), row])).values()]
  const details: Figures = {}
  const worst = {
    flat: [] as Value[],
    warm: [] as Value[],
    vsBest: [] as Value[],
    seed: [] as Value[],
    racks: [] as Value[],
    cpu: [] as Value[],
  }
  for (const cell of cells) {
    const name = cellName(cell)
    const inCell = rows.filter((row) => cellName(row) === name)
    const medianOf = (engine: string, pick: (run: SwarmRun) => number | null) =>
      medianRun(
        inCell.filter((row) => row.engine === engine),
        pick,
      )
    const others = [...new Set(inCell.map(({ engine }) => engine))].filter(
      (engine) => engine !== OURS && engine !== WARM,
    )
    const last = medianOf(OURS, (run) => run.lastOverBound)
    const best = others.map((engine) => medianOf(engine, (run) => run.lastOverBound)).filter((value) => value !== null)
    if (cell.case === 'flat') worst.flat.push(last)
    if (others.length > 0)
      worst.vsBest.push(last === null || best.length === 0 ? null : round(last / Math.min(...best)))
    if (inCell.some(({ engine }) => engine === WARM)) {
      const warm = medianOf(WARM, (run) => run.lastOverBound)
      if (cell.case === 'flat') worst.warm.push(warm)
      details[`${name}WarmLastOverBound`] = warm
    }
    worst.seed.push(medianOf(OURS, (run) => run.seedCopies))
    if (cell.case === 'racks') worst.racks.push(medianOf(OURS, (run) => run.crossRackCopies))
    worst.cpu.push(medianOf(OURS, (run) => run.machineCpuShare))
    for (const engine of [OURS, ...others]) {
      const start = `${name}${engine === OURS ? '' : capital(engine)}`
      details[`${start}LastOverBound`] = medianOf(engine, (run) => run.lastOverBound)
      details[`${start}MedianOverBound`] = medianOf(engine, (run) => run.medianOverBound)
      details[`${start}SeedCopies`] = medianOf(engine, (run) => run.seedCopies)
      if (cell.case === 'racks') details[`${start}CrossRackCopies`] = medianOf(engine, (run) => run.crossRackCopies)
    }
  }
  const failed = rows.find((row) => 'reason' in row && row.engine === OURS)
  return {
    lastOverBound: max(worst.flat),
    seedCopies: max(worst.seed),
    crossRackCopies: max(worst.racks),
    lastVsBestPeer: max(worst.vsBest),
    machineCpuShare: max(worst.cpu),
    ...(worst.warm.length === 0 ? {} : { warmLastOverBound: max(worst.warm) }),
    ...(failed !== undefined && 'reason' in failed
      ? { reason: `${failed.engine}: ${failed.reason}`.slice(0, 300) }
      : {}),
    ...details,
  }
}

/** Of ours the worst scenario; each scenario's medians beside it. */
export function churnFigures(rows: readonly ChurnRow[]): Figures {
  const details: Figures = {}
  const worst: Value[] = []
  for (const scenario of new Set(rows.map((row) => row.scenario))) {
    for (const engine of new Set(rows.map((row) => row.engine))) {
      const runs = rows.filter((row) => row.scenario === scenario && row.engine === engine)
      if (runs.length === 0) continue
      const last = medianChurn(runs, (run) => run.lastOverBound)
      const late = medianChurn(runs, (run) => run.lateOverBound)
      const start = `churn${capital(scenario)}${engine === OURS ? '' : capital(engine)}`
      details[`${start}OverBound`] = last
      if (late !== null) details[`${start}LateOverBound`] = late
      if (engine === OURS) worst.push(last)
    }
  }
  return rows.length === 0 ? {} : { churnOverBound: max(worst), ...details }
}

type Value = number | null

function cellName(row: { case: SwarmCase; nodes: number }): string {
  return `${row.case.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())}N${row.nodes}`
}

/** `null` when at least half of the runs failed, or nothing was counted. */
function medianRun(rows: readonly SwarmRow[], pick: (run: SwarmRun) => Value): Value {
  const runs = rows.filter((row): row is SwarmRow & SwarmRun => !('reason' in row))
  return runs.length <= rows.length / 2 ? null : median(runs.map(pick))
}

function medianChurn(rows: readonly ChurnRow[], pick: (run: ChurnRun) => Value): Value {
  const runs = rows.filter((row): row is ChurnRow & ChurnRun => !('reason' in row))
  return runs.length <= rows.length / 2 ? null : median(runs.map(pick))
}

function median(values: readonly Value[]): Value {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b)
  if (sorted.length === 0) return null
  const [low = 0, high = 0] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[Math.floor(sorted.length / 2)]]
  return round((low + high) / 2)
}

function max(values: readonly Value[]): Value {
  const known = values.filter((value) => value !== null)
  return known.length === 0 || known.length < values.length ? null : Math.max(...known)
}

function capital(name: string): string {
  return name.replace(/(?:^|-)(.)/g, (_, letter: string) => letter.toUpperCase())
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
