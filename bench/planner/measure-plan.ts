import { parseArgs } from 'node:util'
import { createPlan } from '@shoal/planner'
import { createPlannerInput, type FleetKind, isFleetKind } from './planner-fleet.ts'
import { round } from './round.ts'

/** What planning one fleet takes, in a process of its own in which nothing was planned before. */
export interface PlanRow {
  readonly fleet: FleetKind
  readonly nodes: number
  readonly assignments: number
  readonly waves: number
  readonly planSeconds: number
  /** CPU of the thread that plans, which says what it would take with nothing else on the machine. */
  readonly planThreadSeconds: number
  /** Made again from itself with one demand more. */
  readonly replanSeconds: number
  /** Of the whole process, with the input and both plans. */
  readonly peakRssMiB: number
  readonly predictedOverBound: number
}

const IMAGES = 100
const MIB_KIB = 1024

function measurePlan(fleet: FleetKind, nodes: number): PlanRow {
  const input = createPlannerInput({ nodes, images: IMAGES }, fleet)
  const before = process.threadCpuUsage()
  const begin = performance.now()
  const plan = createPlan(input)
  const planned = performance.now()
  const { user, system } = process.threadCpuUsage(before)
  const more = input.demands.slice(0, 1).map((demand) => ({ ...demand, id: 'more', priority: 100 }))
  createPlan({ ...input, demands: [...input.demands, ...more] }, { previous: plan })
  const finishSeconds = ((plan.predicted.finishMs ?? Number.NaN) - input.nowMs) / 1000
  return {
    ...{ fleet, nodes, assignments: plan.assignments.length, waves: plan.waves.length },
    planSeconds: round((planned - begin) / 1000),
    planThreadSeconds: round((user + system) / 1e6),
    replanSeconds: round((performance.now() - planned) / 1000),
    peakRssMiB: Math.round(process.resourceUsage().maxRSS / MIB_KIB),
    predictedOverBound: round(finishSeconds / plan.fluidBound.seconds),
  }
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { fleet: { type: 'string' }, nodes: { type: 'string' } } })
  const { fleet = 'alike', nodes = '1000' } = values
  if (!isFleetKind(fleet)) throw new TypeError(`there is no fleet "${fleet}"`)
  console.log(JSON.stringify(measurePlan(fleet, Number(nodes))))
}
