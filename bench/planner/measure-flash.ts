import { createPlan, simulate } from '../../packages/planner/src/index.ts'
import { createFlashInput } from './planner-fleet.ts'

const SIZE_BYTES = 10 * 1024 ** 3
const NODES = 1000

/** One image to a whole fleet that has nothing of it, each node of which is simulated by itself. */
export function measureFlash(): Readonly<Record<`${'seconds' | 'boundSeconds'}1000Nodes10GiB`, number>> & {
  readonly simulateSeconds1000Nodes: number
} {
  const input = createFlashInput({ nodes: NODES, sizeBytes: SIZE_BYTES })
  const plan = createPlan(input)
  const begin = performance.now()
  const { finishMs } = simulate(input, plan, { rateSpread: 0.1, startUpSpread: 0.5 })
  const simulateMs = performance.now() - begin
  return {
    seconds1000Nodes10GiB: round(((finishMs ?? Number.NaN) - input.nowMs) / 1000),
    boundSeconds1000Nodes10GiB: round(plan.fluidBound.seconds),
    simulateSeconds1000Nodes: round(simulateMs / 1000),
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
