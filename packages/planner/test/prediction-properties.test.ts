import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPlan, type NodeFinish, type Plan, type PlannerInput, simulate } from '@shoal/planner'
import fc from 'fast-check'
import { ROUNDING, RUNS } from './assert-plan.ts'
import { inputArbitrary } from './input-arbitrary.ts'

const IDEAL = { efficiency: 1, startUpMs: 0 }

function secondsOf({ finishMs }: Pick<NodeFinish, 'finishMs'>, { nowMs }: PlannerInput): number {
  return ((finishMs ?? Number.NaN) - nowMs) / 1000
}

/** Bytes that a node is assigned and lacks, by its name. */
function lackingBytes({ fleet, layers }: PlannerInput, { assignments }: Plan): ReadonlyMap<string, number> {
  const sizes = new Map(layers.map(({ digest, sizeBytes }) => [digest, sizeBytes]))
  const held = new Map(fleet.nodes.map(({ node, holds }) => [node, new Map(holds.map((one) => [one.layer, one]))]))
  const lacking = new Map<string, number>()
  for (const { node, layer } of assignments) {
    const size = sizes.get(layer) ?? 0
    const lacks = size - Math.min(size, held.get(node)?.get(layer)?.heldBytes ?? 0)
    lacking.set(node, (lacking.get(node) ?? 0) + lacks)
  }
  return lacking
}

/** No node is done before its own link, with its limit, can have brought what it lacks. */
function assertLinksHold(input: PlannerInput, plan: Plan, nodes: readonly NodeFinish[]): void {
  const { nodeDownBytesPerSecond: limit = Number.POSITIVE_INFINITY } = input.limits ?? {}
  const lacking = lackingBytes(input, plan)
  const links = new Map(input.fleet.nodes.map(({ node, downBytesPerSecond }) => [node, downBytesPerSecond]))
  for (const one of nodes) {
    if (one.finishMs === undefined) continue
    const least = (lacking.get(one.node) ?? 0) / Math.min(limit, links.get(one.node) ?? 0)
    assert.ok(secondsOf(one, input) >= least * (1 - ROUNDING) - ROUNDING, `${one.node} is done before ${least} s`)
  }
}

test('the prediction is never before the fluid bound, and its bytes are those that are lacking', () => {
  fc.assert(
    fc.property(inputArbitrary, (input) => {
      const plan = createPlan(input, { efficiency: 1, startUpMs: 0 })
      const { finishMs, bytes } = plan.predicted
      if (finishMs === undefined) return
      const seconds = (finishMs - input.nowMs) / 1000
      assert.ok(
        seconds >= plan.fluidBound.seconds * (1 - ROUNDING) - ROUNDING,
        `${seconds} ${JSON.stringify(plan.fluidBound)}`,
      )
      const moved = plan.waves.reduce((sum, wave) => sum + wave.bytes, 0)
      const crossed = bytes.seedToNode + bytes.inRack + bytes.crossRack
      assert.ok(Math.abs(moved - crossed) <= moved * ROUNDING + 1, `${moved} lacking, ${crossed} moved`)
    }),
    RUNS,
  )
})

test('no node is done before its own link can have brought what it lacks, predicted or simulated', () => {
  fc.assert(
    fc.property(inputArbitrary, (input) => {
      const plan = createPlan(input, IDEAL)
      assertLinksHold(input, plan, plan.predicted.nodes)
      assertLinksHold(input, plan, simulate(input, plan, { rateSpread: 0.5, startUpSpread: 1 }, IDEAL).nodes)
    }),
    RUNS,
  )
})

test('what crosses a limited link takes as long as the limit says', () => {
  fc.assert(
    fc.property(inputArbitrary, (input) => {
      const { predicted } = createPlan(input)
      const { bytes } = predicted
      if (predicted.finishMs === undefined) return
      const { libraryBytesPerSecond, seedUpBytesPerSecond, planBytesPerSecond } = input.limits ?? {}
      const moved = bytes.seedToNode + bytes.inRack + bytes.crossRack
      const limited = [
        { bytes: bytes.libraryToSeed, limit: libraryBytesPerSecond },
        { bytes: bytes.seedToNode, limit: seedUpBytesPerSecond },
        { bytes: moved, limit: planBytesPerSecond },
      ]
      for (const one of limited) {
        const { limit = Number.POSITIVE_INFINITY } = one
        assert.ok(secondsOf(predicted, input) >= (one.bytes / limit) * (1 - ROUNDING) - ROUNDING)
      }
    }),
    RUNS,
  )
})

test('every node that wants something has a time at which it has it, unless it is told why not', () => {
  fc.assert(
    fc.property(inputArbitrary, (input) => {
      const plan = createPlan(input)
      const wanting = new Set(plan.assignments.map(({ node }) => node))
      assert.deepEqual(new Set(plan.predicted.nodes.map(({ node }) => node)), wanting)
      const never = new Set(
        plan.predicted.nodes.filter(({ finishMs }) => finishMs === undefined).map(({ node }) => node),
      )
      const told = new Set(plan.unmet.flatMap((one) => (one.reason === 'no-source' ? one.nodes : [])))
      assert.deepEqual(never, told)
    }),
    RUNS,
  )
})

test('a simulation in which nothing happens is not before the fluid bound, and moves what is lacking', () => {
  fc.assert(
    fc.property(inputArbitrary, (input) => {
      const ideal = { efficiency: 1, startUpMs: 0 }
      const plan = createPlan(input, ideal)
      const { finishMs, nodes } = simulate(input, plan, {}, ideal)
      assert.deepEqual(
        nodes.map(({ node }) => node),
        plan.predicted.nodes.map(({ node }) => node),
      )
      assert.equal(finishMs === undefined, plan.predicted.finishMs === undefined)
      if (finishMs === undefined) return
      assert.ok((finishMs - input.nowMs) / 1000 >= plan.fluidBound.seconds * (1 - ROUNDING) - ROUNDING)
    }),
    RUNS,
  )
})
