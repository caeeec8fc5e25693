import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import type { BenchFigures, BenchReport } from '../run.ts'
import { measureFlash } from './measure-flash.ts'
import type { PlanRow } from './measure-plan.ts'
import { FLEET_KINDS, type FleetKind } from './planner-fleet.ts'
import { round } from './round.ts'

const SMALLER = [100, 1000]
const LARGEST = 10_000
/** Of what is measured ten times smaller. */
const TENTH = LARGEST / 10
const ROUNDS = 3
const TIMEOUT_MS = 120_000

type Say = (line: string) => void

/** See README.md beside this file. */
export async function run({ quick, say }: { quick: boolean; say: Say }): Promise<BenchReport> {
  const rows: PlanRow[] = []
  const failures: string[] = []
  for (let turn = 0; turn < (quick ? 1 : ROUNDS); turn += 1) {
    for (const fleet of FLEET_KINDS) {
      for (const nodes of quick ? [TENTH, LARGEST] : [...SMALLER, LARGEST]) {
        try {
          rows.push(measureInProcess(fleet, nodes, say))
        } catch (error) {
          failures.push(`${fleet}, ${nodes} nodes: ${String(error)}`)
        }
      }
    }
  }
  const flash = measureFlash()
  say(`10 GiB to 1,000 nodes: ${flash.seconds1000Nodes10GiB} s, simulated in ${flash.simulateSeconds1000Nodes} s`)
  const reason: BenchFigures = failures.length === 0 ? {} : { reason: failures.join('; ') }
  return { figures: { ...planFigures(rows), ...flash, ...reason }, rows }
}

function measureInProcess(fleet: FleetKind, nodes: number, say: Say): PlanRow {
  const argv = [join(import.meta.dirname, 'measure-plan.ts'), '--fleet', fleet, '--nodes', String(nodes)]
  const row = JSON.parse(execFileSync(process.execPath, argv, { encoding: 'utf8', timeout: TIMEOUT_MS })) as PlanRow
  say(
    `${fleet}, ${nodes} nodes: planned in ${row.planSeconds} s, again in ${row.replanSeconds} s, ${row.peakRssMiB} MiB`,
  )
  return row
}

/** Medians of the rounds; the first three are of the worst fleet. What has no rows is `null`. */
function planFigures(rows: readonly PlanRow[]): BenchFigures {
  const figures: Record<string, number | null> = {}
  const exponents: number[] = []
  for (const kind of FLEET_KINDS) {
    const of = (nodes: number) => rows.filter((row) => row.fleet === kind && row.nodes === nodes)
    const [small, large] = [of(TENTH), of(LARGEST)]
    figures[`${kind}Seconds10kNodes`] = median(large.map(({ planSeconds }) => planSeconds))
    figures[`${kind}ThreadSeconds10kNodes`] = median(large.map(({ planThreadSeconds }) => planThreadSeconds))
    figures[`${kind}ReplanSeconds10kNodes`] = median(large.map(({ replanSeconds }) => replanSeconds))
    const [before, after] = [small, large].map((some) => median(some.map(({ planThreadSeconds }) => planThreadSeconds)))
    if (before != null && after != null) exponents.push(Math.log10(after / before))
  }
  const worst = (values: readonly (number | null | undefined)[]) => {
    const known = values.filter((value) => typeof value === 'number')
    return known.length === FLEET_KINDS.length ? round(Math.max(...known)) : null
  }
  return {
    seconds10kNodes: worst(FLEET_KINDS.map((kind) => figures[`${kind}Seconds10kNodes`])),
    peakRssMiB: rows.length === 0 ? null : Math.max(...rows.map((row) => row.peakRssMiB)),
    growthExponent: worst(exponents),
    ...figures,
  }
}

function median(values: readonly number[]): number | null {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? null
}
