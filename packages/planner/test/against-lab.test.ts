import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createPlan, type FleetEvent, type FleetNode, type PlannerInput, simulate } from '@shoal/planner'
import { fleet, input, layer, MB, nodes } from './build-input.ts'
import { type LabRun, median, readLabRuns } from './lab-rows.ts'

const MIB = 1024 ** 2
const RACKS = 4
const PIECE_BYTES = MIB / 4
const SLOW_SHARE = 0.1
/** Of those in the churn scenario `killed`, as many of which come late. */
const KILLED = 3
const TOLERANCE = 0.15

const RUNS = readLabRuns()

function seconds(finishMs: number | undefined, { nowMs }: PlannerInput): number {
  return ((finishMs ?? Number.NaN) - nowMs) / 1000
}

function assertNear(predicted: number, measured: number): void {
  const error = predicted / measured - 1
  assert.ok(
    Math.abs(error) < TOLERANCE,
    `${predicted.toFixed(1)} s for ${measured} s: ${Math.round(error * 100)} % off`,
  )
}

/** Rates are those of the wire, as in the lab. */
function labInput(run: LabRun, some: readonly FleetNode[]): PlannerInput {
  const layers = [layer(1, { sizeBytes: run.mib * MIB, pieceLengthBytes: PIECE_BYTES })]
  const rate = run.rateMBPerSecond * MB
  const racks = [...new Set(some.flatMap(({ rack }) => rack ?? []))].map((rack) => {
    return { rack, inBytesPerSecond: 2 * rate, outBytesPerSecond: 2 * rate }
  })
  const seed = { ...fleet(layers).seed, upBytesPerSecond: run.case === 'slow-seed' ? rate / 2 : rate }
  return input({ layers, fleet: fleet(layers, { nodes: some, racks, seed }) })
}

test('there are runs of each case to compare with', () => {
  const cases = new Set(RUNS.map((run) => run.case ?? run.scenario))
  for (const one of ['flat', 'slow-seed', 'racks', 'slow', 'frozen', 'killed']) assert.ok(cases.has(one), one)
})

describe('what the lab measured is predicted', () => {
  for (const run of RUNS.filter((one) => one.case !== undefined)) {
    test(`${run.case}, ${run.nodes} nodes`, () => {
      const rate = run.rateMBPerSecond * MB
      const links = { upBytesPerSecond: rate, downBytesPerSecond: rate }
      const rackOf = (index: number) => (run.case === 'racks' ? `r${index % RACKS}` : undefined)
      const one = labInput(
        run,
        nodes(run.nodes, (index) => ({ ...links, rack: rackOf(index) })),
      )
      const plan = createPlan(one)
      for (const result of [plan.predicted, simulate(one, plan)]) {
        assertNear(seconds(result.finishMs, one), run.lastSeconds)
        assertNear(median(result.nodes.map(({ finishMs }) => seconds(finishMs, one))), run.medianSeconds)
      }
    })
  }
})

describe('what befell swarms in the lab is simulated', () => {
  /** Those who stay come first. Times of runs with a trouble in the middle are counted from there. */
  const churned: Record<string, { stayers: number; odd: number; isMidway: boolean } | undefined> = {
    slow: { stayers: 9, odd: 1, isMidway: false },
    frozen: { stayers: 8, odd: 1, isMidway: true },
    killed: { stayers: 6, odd: 2 * KILLED, isMidway: true },
  }

  for (const run of RUNS) {
    const { scenario = '' } = run
    const cast = churned[scenario]
    if (cast === undefined) continue
    const { stayers, odd, isMidway } = cast
    test(`${scenario}, ${run.nodes} nodes`, () => {
      const rate = run.rateMBPerSecond * MB
      const some = nodes(stayers + odd, (index) => {
        const own = scenario === 'slow' && index >= stayers ? rate * SLOW_SHARE : rate
        return { upBytesPerSecond: own, downBytesPerSecond: own }
      })
      const one = labInput(run, some)
      const middleSeconds = isMidway ? (run.mib * MIB) / (rate * run.goodput) / 2 : 0
      const atMs = one.nowMs + middleSeconds * 1000
      const events = some.slice(stayers).flatMap(({ node }, index): FleetEvent[] => {
        if (!isMidway) return []
        // The late are there from then on; the plan knows them, as those who are not yet alive.
        if (scenario === 'killed' && index >= KILLED) {
          return [
            { kind: 'node-dies', node, atMs: one.nowMs },
            { kind: 'node-returns', node, atMs },
          ]
        }
        return [{ kind: 'node-dies', node, atMs }]
      })
      const result = simulate(one, createPlan(one), { events })
      const last = Math.max(...result.nodes.slice(0, stayers).map(({ finishMs }) => seconds(finishMs, one)))
      assertNear(last, middleSeconds + run.lastSeconds)
    })
  }
})
