import { createPlan, type PlanLimits, type PlannerInput, simulate } from '@shoal/planner'
import type { BenchFigures } from '../run.ts'
import { createFlashInput } from './planner-fleet.ts'
import { round } from './round.ts'

const GIB = 1024 ** 3
const MB = 1e6
const GB = 1e9
/** What one core carries both ways: 2.45 CPU seconds a GiB for both ends (bench/transfer, one peer, growth). */
const CORE_BYTES_PER_SECOND = GIB / 2.45
/** Links, and times until the first byte, are no two alike. */
const SCENARIO = { rateSpread: 0.1, startUpSpread: 0.5 }

/** One image to a whole fleet that has nothing of it, each node of which is simulated by itself. */
export function measureFlash(): BenchFigures {
  const begin = performance.now()
  const whole = spreadOut({ nodes: 1000, sizeBytes: 10 * GIB })
  const simulateSeconds = (performance.now() - begin) / 1000
  const oneCore = bothWays(CORE_BYTES_PER_SECOND)
  const kraken = spreadOut({ nodes: 2600, sizeBytes: 3 * GB }, bothWays(300 * MB))
  return {
    seconds1000Nodes10GiB: whole.share(1),
    boundSeconds1000Nodes10GiB: whole.boundSeconds,
    oneCoreSeconds1000Nodes10GiB: spreadOut({ nodes: 1000, sizeBytes: 10 * GIB }, oneCore).share(1),
    simulateSeconds1000Nodes: round(simulateSeconds),
    likeKrakenP50Seconds: kraken.share(0.5),
    likeKrakenP99Seconds: kraken.share(0.99),
    likeKrakenP999Seconds: kraken.share(0.999),
    likeDragonfly1GBSeconds: spreadOut({ nodes: 990, sizeBytes: GB }, oneCore).share(1),
    likeDragonfly10GBSeconds: spreadOut({ nodes: 990, sizeBytes: 10 * GB }, oneCore).share(1),
  }
}

function bothWays(bytesPerSecond: number): PlanLimits {
  return { nodeUpBytesPerSecond: bytesPerSecond, nodeDownBytesPerSecond: bytesPerSecond }
}

/** Seconds until a share of the nodes has the image, and the fluid bound. */
function spreadOut(
  size: { nodes: number; sizeBytes: number },
  limits: PlanLimits = {},
): { share: (of: number) => number; boundSeconds: number } {
  const input: PlannerInput = { ...createFlashInput(size), limits }
  const plan = createPlan(input)
  const { nodes } = simulate(input, plan, SCENARIO)
  const seconds = nodes.map(({ finishMs }) => ((finishMs ?? Number.NaN) - input.nowMs) / 1000).sort((a, b) => a - b)
  return {
    share: (of) => round(seconds[Math.ceil(of * seconds.length) - 1] ?? Number.NaN),
    boundSeconds: round(plan.fluidBound.seconds),
  }
}
