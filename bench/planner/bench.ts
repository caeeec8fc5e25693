import { createPlan } from '../../packages/planner/src/index.ts'
import type { BenchReport } from '../run.ts'
import { measureFlash } from './measure-flash.ts'
import { createPlannerInput, FLEET_KINDS, type FleetKind } from './planner-fleet.ts'

const IMAGES = 100
const SMALLER = [100, 1000]
const LARGEST = 10_000

interface PlannerRow {
  readonly fleet: FleetKind
  readonly nodes: number
  readonly assignments: number
  readonly waves: number
  readonly planSeconds: number
  /** Made again from itself with one demand more. */
  readonly replanSeconds: number
  readonly predictedOverBound: number
}

/** See README.md beside this file. */
export async function run({ quick, say }: { quick: boolean; say: (line: string) => void }): Promise<BenchReport> {
  const rows: PlannerRow[] = []
  for (let round = 0; round < (quick ? 1 : 3); round += 1) {
    for (const nodes of SMALLER) rows.push(measurePlan('alike', nodes, say))
    for (const kind of FLEET_KINDS) rows.push(measurePlan(kind, LARGEST, say))
  }
  const flash = measureFlash()
  say(`10 GiB to 1,000 nodes: ${flash.seconds1000Nodes10GiB} s, simulated in ${flash.simulateSeconds1000Nodes} s`)
  const medianOf = (fleet: FleetKind, nodes: number, of: 'planSeconds' | 'replanSeconds') =>
    median(rows.filter((row) => row.fleet === fleet && row.nodes === nodes).map((row) => row[of]))
  const largest = medianOf('alike', LARGEST, 'planSeconds')
  return {
    figures: {
      seconds10kNodes: largest,
      peakRssMiB: Math.round(process.resourceUsage().maxRSS / 1024),
      growthExponent: round(Math.log10(largest / medianOf('alike', LARGEST / 10, 'planSeconds'))),
      replanSeconds10kNodes: medianOf('alike', LARGEST, 'replanSeconds'),
      vmsSeconds10kNodes: medianOf('vms', LARGEST, 'planSeconds'),
      ratesSeconds10kNodes: medianOf('rates', LARGEST, 'planSeconds'),
      ...flash,
    },
    rows,
  }
}

function measurePlan(fleet: FleetKind, nodes: number, say: (line: string) => void): PlannerRow {
  const input = createPlannerInput({ nodes, images: IMAGES }, fleet)
  const begin = performance.now()
  const plan = createPlan(input)
  const planned = performance.now()
  const more = input.demands.slice(0, 1).map((demand) => ({ ...demand, id: 'more', priority: 100 }))
  createPlan({ ...input, demands: [...input.demands, ...more] }, { previous: plan })
  const finishSeconds = ((plan.predicted.finishMs ?? Number.NaN) - input.nowMs) / 1000
  const row = {
    ...{ fleet, nodes, assignments: plan.assignments.length, waves: plan.waves.length },
    planSeconds: round((planned - begin) / 1000),
    replanSeconds: round((performance.now() - planned) / 1000),
    predictedOverBound: round(finishSeconds / plan.fluidBound.seconds),
  }
  say(`${fleet}, ${nodes} nodes: planned in ${row.planSeconds} s, again in ${row.replanSeconds} s`)
  return row
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
