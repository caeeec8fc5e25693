import type { SwarmRun } from '../swarm/measure-swarm.ts'
import type { PullRun } from './library-pull.ts'
import type { CompetingRun } from './measure-competing.ts'
import type { PlanRun, PlanScenario } from './measure-plan.ts'

export const SCENARIOS = ['cold-library', 'imported', 'competing', 'library-pull', 'aria2'] as const
export type Scenario = (typeof SCENARIOS)[number]

export type Aria2Run = Omit<SwarmRun, 'case'> & { readonly scenario: 'aria2' }
type Run = PlanRun | CompetingRun | PullRun | Aria2Run

/** One run as the result file keeps it: measured, or why not. */
export type PrefetchRow = { readonly round: number } & (Run | { readonly scenario: Scenario; readonly reason: string })

type Value = number | null
type Figures = Record<string, number | string | null>

/** The bench's answer: medians of the rounds; `null` with a reason where one could not be measured. */
export function prefetchFigures(rows: readonly PrefetchRow[]): Figures {
  const runs = rows.filter((row) => !('reason' in row)) as readonly Run[]
  const plan = (scenario: PlanScenario, pick: (run: PlanRun) => Value) =>
    median(runs.filter((run): run is PlanRun => run.scenario === scenario).map(pick))
  const worse = (pick: (run: PlanRun) => Value) => worst([plan('cold-library', pick), plan('imported', pick)])
  const importedSeconds = plan('imported', (run) => run.lastSeconds)
  const coldSeconds = plan('cold-library', (run) => run.lastSeconds)
  const aria2 = (pick: (run: Aria2Run) => Value) =>
    median(runs.filter((run): run is Aria2Run => run.scenario === 'aria2').map(pick))
  const pull = (pick: (run: PullRun) => Value) =>
    median(runs.filter((run): run is PullRun => run.scenario === 'library-pull').map(pick))
  return {
    lastOverBound: plan('imported', (run) => run.lastOverBound),
    predictionError: worse((run) => run.predictionError),
    seedCopies: worse((run) => run.seedCopies),
    ingestLimitError: plan('cold-library', ingestLimitError),
    crossRackCopies: worse((run) => run.crossRackCopies),
    aria2OverOurs: ratio(
      aria2((run) => run.lastSeconds),
      importedSeconds,
    ),
    libraryPullOverOurs: ratio(
      pull((run) => run.lastSeconds),
      coldSeconds,
    ),
    simulatorErrorMedian: worse((run) => run.simulatorError.median),
    simulatorErrorWorst: worse((run) => run.simulatorError.worst),
    nodePredictionErrorWorst: worse((run) => run.nodePredictionError.worst),
    ...competingFigures(rows, importedSeconds),
    machineCpuShare: worse((run) => run.machineCpuShare),
    ...reasonOf(rows),
    importedSeconds,
    importedPredictedSeconds: plan('imported', (run) => run.predictedSeconds),
    importedPredictionError: plan('imported', (run) => run.predictionError),
    coldLibrarySeconds: coldSeconds,
    coldLibraryPredictedSeconds: plan('cold-library', (run) => run.predictedSeconds),
    coldLibraryPredictionError: plan('cold-library', (run) => run.predictionError),
    coldLibraryLastOverBound: plan('cold-library', (run) => run.lastOverBound),
    libraryCopies: plan('cold-library', (run) => run.libraryCopies),
    aria2Seconds: aria2((run) => run.lastSeconds),
    aria2LastOverBound: aria2((run) => run.lastOverBound),
    aria2SeedCopies: aria2((run) => run.seedCopies),
    aria2CrossRackCopies: aria2((run) => run.crossRackCopies),
    libraryPullSeconds: pull((run) => run.lastSeconds),
    libraryPullCrossRackCopies: pull((run) => run.crossRackCopies),
  }
}

function ingestLimitError({ ingestLimitOver: over, ingestLimitUnder: under }: PlanRun): Value {
  return over === null || under === null ? null : Math.max(over, under)
}

/** Nothing where no plans competed. */
function competingFigures(rows: readonly PrefetchRow[], aloneSeconds: Value): Figures {
  const competing = rows.filter(({ scenario }) => scenario === 'competing')
  if (competing.length === 0) return {}
  const runs = competing.filter((row): row is PrefetchRow & CompetingRun => !('reason' in row))
  return {
    competingFirstOverAlone: ratio(median(runs.map((run) => run.firstSeconds)), aloneSeconds),
    competingLastOverBound: median(runs.map((run) => run.lastOverBound)),
  }
}

function reasonOf(rows: readonly PrefetchRow[]): Figures {
  const failed = rows.find((row) => 'reason' in row)
  if (failed === undefined || !('reason' in failed)) return {}
  return { reason: `${failed.scenario}: ${failed.reason}`.slice(0, 300) }
}

/** Of what was measured; `null` when nothing was. */
function median(values: readonly Value[]): Value {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b)
  const [low, high] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[Math.floor(sorted.length / 2)]]
  return low === undefined || high === undefined ? null : round((low + high) / 2)
}

function worst(values: readonly Value[]): Value {
  const known = values.filter((value) => value !== null)
  return known.length < values.length ? null : Math.max(...known)
}

function ratio(value: Value, over: Value): Value {
  return value === null || over === null ? null : round(value / over)
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
