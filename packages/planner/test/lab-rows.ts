import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** With more, cores and not links are what was short, and of cores the model knows nothing. */
const MOST_CPU_SHARE = 0.9
const RESULTS = join(import.meta.dirname, '../../../bench/results/swarm.json')

/** One run of bench/swarm, as far as the model can say something about it. */
interface LabRow {
  readonly engine: string
  readonly case?: 'flat' | 'slow-seed' | 'racks'
  readonly scenario?: string
  readonly nodes: number
  readonly mib: number
  readonly rateMBPerSecond: number
  readonly goodput: number
  /** Of a churn: since the trouble. */
  readonly lastSeconds: number
  readonly medianSeconds?: number
  readonly machineCpuShare: number
}

/** Medians of all rounds of ours of one case, or one churn scenario, and number of nodes. */
export interface LabRun extends Omit<LabRow, 'medianSeconds'> {
  /** Of the nodes; NaN where it was not measured. */
  readonly medianSeconds: number
}

/** What our engine was measured to take where links were what was short. */
export function readLabRuns(): LabRun[] {
  const { rows } = JSON.parse(readFileSync(RESULTS, 'utf8')) as { rows: LabRow[] }
  const ours = rows.filter(({ engine }) => engine === 'shoal')
  const runs = Map.groupBy(ours, (row) => `${row.case ?? row.scenario} ${row.nodes} ${row.mib} ${row.rateMBPerSecond}`)
  return [...runs.values()].flatMap((rounds) => {
    const [first] = rounds
    const of = (figure: (row: LabRow) => number) => median(rounds.map(figure))
    if (first === undefined || of((row) => row.machineCpuShare) > MOST_CPU_SHARE) return []
    const medianSeconds = of((row) => row.medianSeconds ?? Number.NaN)
    return [{ ...first, lastSeconds: of((row) => row.lastSeconds), medianSeconds }]
  })
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
