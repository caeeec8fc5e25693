import { errorMessage } from '@shoal/core'
import { aria2 } from '../engines/aria2.ts'
import { engineVersions } from '../engines/engine-versions.ts'
import type { RowJournal } from '../row-journal.ts'
import type { BenchReport } from '../run.ts'
import { measureSwarm } from '../swarm/measure-swarm.ts'
import { measureLibraryPull } from './library-pull.ts'
import { measureCompeting } from './measure-competing.ts'
import { measurePlan } from './measure-plan.ts'
import { type PrefetchRow, prefetchFigures, type Scenario } from './prefetch-figures.ts'
import { openPrefetchFleet, type PrefetchFleet } from './prefetch-fleet.ts'
import { createPrefetchGround, type PrefetchGround } from './prefetch-ground.ts'
import type { PrefetchSize } from './prefetch-setup.ts'

interface Run {
  readonly size: PrefetchSize
  readonly rounds: number
  readonly scenarios: readonly Scenario[]
  /** One that takes longer is given up. */
  readonly timeoutMs: number
}

const FULL: Run = {
  size: {
    ...{ nodes: 16, racks: 4, mib: 96, rateMBPerSecond: 2.5 },
    ...{ libraryMBPerSecond: 10, ingestMBPerSecond: 1.875, ingestWindowSeconds: 10 },
  },
  rounds: 2,
  scenarios: ['cold-library', 'imported', 'competing', 'library-pull', 'aria2'],
  timeoutMs: 400_000,
}
const QUICK: Run = {
  size: {
    ...{ nodes: 4, racks: 2, mib: 20, rateMBPerSecond: 8 },
    ...{ libraryMBPerSecond: 16, ingestMBPerSecond: 5.5, ingestWindowSeconds: 3 },
  },
  rounds: 1,
  scenarios: ['cold-library', 'imported', 'library-pull', 'aria2'],
  timeoutMs: 60_000,
}
/** Scenarios of ours; the rest are baselines. */
const OURS: readonly Scenario[] = ['cold-library', 'imported', 'competing']

interface RunOptions {
  readonly quick: boolean
  readonly say: (line: string) => void
  readonly journal: RowJournal
}

/** See README.md beside this file. */
export async function run({ quick, say, journal }: RunOptions): Promise<BenchReport> {
  const { size, rounds, scenarios, timeoutMs } = quick ? QUICK : FULL
  await using ground = await createPrefetchGround(size)
  const rows: PrefetchRow[] = []
  for (let round = 0; round < rounds; round += 1) {
    const measureRow = (scenario: Scenario, measure: () => Promise<PrefetchRow>) =>
      journal.row<PrefetchRow>({ scenario, round }, async () => {
        const row = await measure().catch((error: unknown) => ({ round, scenario, reason: errorMessage(error) }))
        say(`${scenario}: ${'reason' in row ? row.reason : summary(row)}`)
        return row
      })
    const ours = scenarios.filter((scenario) => OURS.includes(scenario))
    {
      await using fleet = await openWhenNeeded(ground, ours, (scenario) => journal.find({ scenario, round }))
      for (const scenario of ours) {
        rows.push(await measureRow(scenario, async () => ({ round, ...(await measureOurs(fleet, scenario)) })))
      }
    }
    for (const scenario of scenarios.filter((other) => !OURS.includes(other))) {
      rows.push(await measureRow(scenario, async () => ({ round, ...(await measureBaseline(scenario)) })))
    }
  }
  return { figures: prefetchFigures(rows), rows, versions: await engineVersions() }

  function measureOurs(fleet: PrefetchFleet | undefined, scenario: Scenario) {
    if (fleet === undefined) throw new TypeError('nothing is left to measure')
    if (scenario === 'competing') return measureCompeting(ground, fleet, { timeoutMs })
    return measurePlan(ground, fleet, { scenario: scenario === 'imported' ? 'imported' : 'cold-library', timeoutMs })
  }

  async function measureBaseline(scenario: Scenario) {
    if (scenario === 'library-pull') return measureLibraryPull(ground, { timeoutMs })
    const { case: _, ...measured } = await measureSwarm(ground, aria2, { timeoutMs })
    return { ...measured, scenario: 'aria2' as const }
  }
}

/** New daemons for each round, unless an earlier run has measured all of it. */
async function openWhenNeeded(
  ground: PrefetchGround,
  scenarios: readonly Scenario[],
  known: (scenario: Scenario) => unknown,
): Promise<PrefetchFleet | undefined> {
  return scenarios.every((scenario) => known(scenario) !== undefined) ? undefined : openPrefetchFleet(ground)
}

function summary(row: Exclude<PrefetchRow, { reason: string }>): string {
  switch (row.scenario) {
    case 'competing':
      return `first after ${row.firstSeconds} s, second after ${row.secondSeconds} s`
    case 'library-pull':
    case 'aria2':
      return `last after ${row.lastSeconds} s, ${row.crossRackCopies} into a rack`
    default:
      return (
        `last after ${row.lastSeconds} s (${row.predictedSeconds} s foretold), ${row.lastOverBound} of the bound, ` +
        `${row.seedCopies} seed copies, ${row.crossRackCopies} into a rack, ` +
        `${Math.round(row.machineCpuShare * 100)} % of the CPU`
      )
  }
}
