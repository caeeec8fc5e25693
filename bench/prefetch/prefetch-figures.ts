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

/** The bench's answer: medians of the rounds, and of the two scenarios of one plan the worse. `null` with a reason where one of ours is missing. */
export function prefetchFigures(rows: readonly PrefetchRow[]): Record<string, number | string | null> {
  const ofPlan = (scenario: PlanScenario, pick: (run: PlanRun) => Value) =>
    median(rows, (row) => (row.scenario === scenario && !('reason' in row) ? pick(row as PlanRun) : undefined))
  const ofBoth = (pick: (run: PlanRun) => Value) => worst([ofPlan('cold-library', pick), ofPlan('imported', pick)])
  const ofOther = <R extends Run>(scenario: R['scenario'], pick: (run: R) => Value) =>
    median(rows, (row) => (row.scenario === scenario && !('reason' in row) ? pick(row as unknown as R) : undefined))
  const coldSeconds = ofPlan('cold-library', (run) => run.lastSeconds)
  const importedSeconds = ofPlan('imported', (run) => run.lastSeconds)
  const aria2Seconds = ofOther<Aria2Run>('aria2', (run) => run.lastSeconds)
  const pullSeconds = ofOther<PullRun>('library-pull', (run) => run.lastSeconds)
  const failed = rows.find((row) => 'reason' in row)
  return {
    lastOverBound: ofPlan('imported', (run) => run.lastOverBound),
    predictionError: ofBoth((run) => run.predictionError),
    seedCopies: ofBoth((run) => run.seedCopies),
    ingestLimitError: ofPlan('cold-library', ({ ingestLimitOver: over, ingestLimitUnder: under }) => {
      return over === null || under === null ? null : Math.max(over, under)
    }),
    crossRackCopies: ofBoth((run) => run.crossRackCopies),
    aria2OverOurs: ratio(aria2Seconds, importedSeconds),
    libraryPullOverOurs: ratio(pullSeconds, coldSeconds),
    simulatorErrorMedian: ofBoth((run) => run.simulatorError.median),
    simulatorErrorWorst: ofBoth((run) => run.simulatorError.worst),
    nodePredictionErrorWorst: ofBoth((run) => run.nodePredictionError.worst),
    ...(failed !== undefined && 'reason' in failed
      ? { reason: `${failed.scenario}: ${failed.reason}`.slice(0, 300) }
      : {}),
    importedSeconds,
    importedPredictedSeconds: ofPlan('imported', (run) => run.predictedSeconds),
    importedPredictionError: ofPlan('imported', (run) => run.predictionError),
    coldLibrarySeconds: coldSeconds,
    coldLibraryPredictedSeconds: ofPlan('cold-library', (run) => run.predictedSeconds),
    coldLibraryPredictionError: ofPlan('cold-library', (run) => run.predictionError),
    coldLibraryLastOverBound: ofPlan('cold-library', (run) => run.lastOverBound),
    libraryCopies: ofPlan('cold-library', (run) => run.libraryCopies),
    aria2Seconds,
    aria2LastOverBound: ofOther<Aria2Run>('aria2', (run) => run.lastOverBound),
    aria2SeedCopies: ofOther<Aria2Run>('aria2', (run) => run.seedCopies),
    aria2CrossRackCopies: ofOther<Aria2Run>('aria2', (run) => run.crossRackCopies),
    libraryPullSeconds: pullSeconds,
    libraryPullCrossRackCopies: ofOther<PullRun>('library-pull', (run) => run.crossRackCopies),
    ...competing(
      rows,
      ofOther<CompetingRun>('competing', (run) => run.firstSeconds),
      importedSeconds,
    ),
    machineCpuShare: ofBoth((run) => run.machineCpuShare),
  }

  function competing(all: readonly PrefetchRow[], firstSeconds: Value, alone: Value) {
    if (all.every(({ scenario }) => scenario !== 'competing')) return {}
    return {
      competingFirstOverAlone: ratio(firstSeconds, alone),
      competingLastOverBound: ofOther<CompetingRun>('competing', (run) => run.lastOverBound),
    }
  }
}

/** Of the rows of which `pick` makes something; `null` when there is none. */
function median(rows: readonly PrefetchRow[], pick: (row: PrefetchRow) => Value | undefined): Value {
  const values = rows.map(pick).filter((value) => value !== undefined && value !== null)
  const sorted = values.toSorted((a, b) => a - b)
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
