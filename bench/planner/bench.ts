import { createPlan, simulate } from '../../packages/planner/src/index.ts'
import type { BenchReport } from '../run.ts'
import { createFlashInput, createPlannerInput } from './planner-fleet.ts'

const IMAGES = 100
const SIZES = [100, 1000, 10_000]
const MIB = 1024 ** 2

interface PlannerRow {
  readonly nodes: number
  readonly images: number
  readonly assignments: number
  readonly waves: number
  readonly planSeconds: number
  /** Made again from itself and with one demand more. */
  readonly replanSeconds: number
  readonly predictedOverBound: number
}

/** See README.md beside this file. */
export async function run({ quick, say }: { quick: boolean; say: (line: string) => void }): Promise<BenchReport> {
  const rows: PlannerRow[] = []
  for (let round = 0; round < (quick ? 1 : 3); round += 1) {
    for (const nodes of SIZES) {
      const row = measurePlan(nodes)
      say(
        `${nodes} nodes: planned in ${row.planSeconds} s, again in ${row.replanSeconds} s; ` +
          `${row.predictedOverBound} of the bound is predicted`,
      )
      rows.push(row)
    }
  }
  const flash = measureFlash()
  say(`1,000 nodes, 10 GiB: ${flash.seconds} s predicted, simulated in ${flash.simulateSeconds} s`)
  const secondsOf = (nodes: number) => median(rows.filter((row) => row.nodes === nodes).map((row) => row.planSeconds))
  return {
    figures: {
      seconds10kNodes: secondsOf(10_000),
      peakRssMiB: Math.round(process.resourceUsage().maxRSS / 1024),
      growthExponent: round(Math.log10(secondsOf(10_000) / secondsOf(1000))),
      replanSeconds10kNodes: median(rows.filter((row) => row.nodes === 10_000).map((row) => row.replanSeconds)),
      seconds1000Nodes10GiB: flash.seconds,
      boundSeconds1000Nodes10GiB: flash.boundSeconds,
      simulateSeconds1000Nodes: flash.simulateSeconds,
    },
    rows,
  }
}

function measurePlan(nodes: number): PlannerRow {
  const input = createPlannerInput({ nodes, images: IMAGES })
  const begin = performance.now()
  const plan = createPlan(input)
  const planned = performance.now()
  const [first] = input.demands
  const more = first === undefined ? [] : [{ ...first, id: 'more', priority: 100 }]
  createPlan({ ...input, demands: [...input.demands, ...more] }, { previous: plan })
  const again = performance.now()
  const finishSeconds = ((plan.predicted.finishMs ?? Number.NaN) - input.nowMs) / 1000
  return {
    nodes,
    images: IMAGES,
    assignments: plan.assignments.length,
    waves: plan.waves.length,
    planSeconds: round((planned - begin) / 1000),
    replanSeconds: round((again - planned) / 1000),
    predictedOverBound: round(finishSeconds / plan.fluidBound.seconds),
  }
}

/** One image of 10 GiB to 1,000 nodes with nothing on them, each of which is simulated by itself. */
function measureFlash() {
  const input = createFlashInput({ nodes: 1000, sizeBytes: 10 * 1024 * MIB })
  const plan = createPlan(input)
  const begin = performance.now()
  const { finishMs } = simulate(input, plan, { rateSpread: 0.1, startUpSpread: 0.5 })
  return {
    seconds: round(((finishMs ?? Number.NaN) - input.nowMs) / 1000),
    boundSeconds: round(plan.fluidBound.seconds),
    simulateSeconds: round((performance.now() - begin) / 1000),
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
