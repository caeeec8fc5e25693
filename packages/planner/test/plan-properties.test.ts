import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Assignment, createPlan, type Plan, type PlannerInput, simulate } from '@shoal/planner'
import fc from 'fast-check'
import { demandArbitrary, inputArbitrary } from './input-arbitrary.ts'

const RUNS = { numRuns: 300 }
/** Sums of rates are rounded. */
const ROUNDING = 1e-6

function key({ node, layer }: Pick<Assignment, 'node' | 'layer'>): string {
  return `${node} ${layer}`
}

/** Names of nodes that a demand does not get, by its id. */
function excused({ unmet }: Plan, id: string): Set<string> {
  return new Set(
    unmet.flatMap((one) => {
      if (one.demand !== id) return []
      if (one.reason === 'disk') return one.nodes.map(({ node }) => node)
      return one.reason === 'offline' || one.reason === 'unknown-node' ? one.nodes : []
    }),
  )
}

function demandedNodes(plan: Plan, input: PlannerInput, id: string): string[] {
  const target = input.demands.find((demand) => demand.id === id)?.target
  if (target?.kind === 'nodes') return [...target.nodes]
  if (target?.kind === 'vms') return plan.placements.filter(({ demand }) => demand === id).map(({ node }) => node)
  const zone = target?.filter.zone
  return input.fleet.nodes.filter((node) => zone === undefined || node.zone === zone).map(({ node }) => node)
}

test('every demanded node gets every layer of the chain, or a reason', () => {
  fc.assert(
    fc.property(inputArbitrary, (input) => {
      const plan = createPlan(input)
      const assigned = new Set(plan.assignments.map(key))
      assert.equal(assigned.size, plan.assignments.length, 'none twice')
      for (const { id, chain, target } of input.demands) {
        const reasons = excused(plan, id)
        for (const node of demandedNodes(plan, input, id)) {
          if (!reasons.has(node))
            for (const layer of chain) assert.ok(assigned.has(key({ node, layer })), `${id} ${node}`)
        }
        if (target.kind !== 'vms') continue
        const placed = plan.placements.filter(({ demand }) => demand === id).reduce((sum, { vms }) => sum + vms, 0)
        const missing = plan.unmet.find((one) => one.demand === id && one.reason === 'places')
        assert.equal(placed + (missing?.reason === 'places' ? missing.missingVms : 0), target.vms)
      }
    }),
    RUNS,
  )
})

test('nothing is assigned that was not demanded, nor to a node that is not there', () => {
  fc.assert(
    fc.property(inputArbitrary, (input) => {
      const plan = createPlan(input)
      const demanded = new Set(
        input.demands.flatMap(({ id, chain }) =>
          demandedNodes(plan, input, id).flatMap((node) => chain.map((layer) => key({ node, layer }))),
        ),
      )
      const alive = new Set(input.fleet.nodes.filter(({ isAlive }) => isAlive).map(({ node }) => node))
      for (const assignment of plan.assignments) {
        assert.ok(demanded.has(key(assignment)))
        assert.ok(alive.has(assignment.node))
      }
    }),
    RUNS,
  )
})

test('no node takes more than is free and may be evicted, and evicts no more than it must', () => {
  fc.assert(
    fc.property(inputArbitrary, (input) => {
      const plan = createPlan(input)
      const sizes = new Map(input.layers.map(({ digest, sizeBytes }) => [digest, sizeBytes]))
      const evicted = new Map(plan.evictions.map(({ node, bytes }) => [node, bytes]))
      for (const { node, holds, freeCacheBytes } of input.fleet.nodes) {
        const wanted = plan.assignments.filter((assignment) => assignment.node === node).map(({ layer }) => layer)
        const held = new Map(holds.map(({ layer, heldBytes }) => [layer, heldBytes]))
        const lacking = wanted.reduce((sum, layer) => {
          const size = sizes.get(layer) ?? 0
          return sum + size - Math.min(size, held.get(layer) ?? 0)
        }, 0)
        const evictable = holds
          .filter(({ layer, isPinned }) => isPinned !== true && !wanted.includes(layer))
          .reduce((sum, { heldBytes }) => sum + heldBytes, 0)
        const evicts = evicted.get(node) ?? 0
        assert.equal(evicts, Math.max(0, lacking - freeCacheBytes))
        assert.ok(evicts <= evictable, `${node} evicts ${evicts} of ${evictable}`)
      }
    }),
    RUNS,
  )
})

test('a base is in an earlier wave than its middle on the same node', () => {
  fc.assert(
    fc.property(inputArbitrary, (input) => {
      assertBaseFirst(input, createPlan(input))
    }),
    RUNS,
  )
})

function assertBaseFirst(input: PlannerInput, { assignments }: Plan): void {
  const waves = new Map(assignments.map((assignment) => [key(assignment), assignment.wave]))
  const parents = new Map(input.layers.map(({ digest, parent }) => [digest, parent]))
  for (const { node, layer, wave } of assignments) {
    const base = parents.get(layer)
    assert.ok(wave >= 1)
    if (base !== undefined) assert.ok((waves.get(key({ node, layer: base })) ?? Number.NaN) < wave)
  }
}

test('the same input gives the same plan', () => {
  fc.assert(
    fc.property(inputArbitrary, (input) => {
      assert.deepEqual(createPlan(input), createPlan(structuredClone(input)))
    }),
    RUNS,
  )
})

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

test('a plan made again from the same input and from itself is the same', () => {
  fc.assert(
    fc.property(inputArbitrary, (input) => {
      const plan = createPlan(input)
      assert.deepEqual(createPlan(input, { previous: plan }), plan)
    }),
    RUNS,
  )
})

test('a further demand leaves every assignment as it is whose terms it does not change', () => {
  const terms = ({ priority, notBeforeMs, deadlineMs, pinnedUntilMs, bootFirst }: Assignment) =>
    [priority, notBeforeMs, deadlineMs, pinnedUntilMs, bootFirst].join()
  fc.assert(
    fc.property(inputArbitrary, demandArbitrary('more'), fc.nat(4), (input, more, removed) => {
      const before = createPlan(input)
      const demands = [...input.demands.filter((_, index) => index !== removed), more]
      const changed = { ...input, demands }
      const after = createPlan(changed, { previous: before })
      const old = new Map(before.assignments.map((assignment) => [key(assignment), assignment]))
      for (const assignment of after.assignments) {
        const was = old.get(key(assignment))
        if (was !== undefined && terms(was) === terms(assignment)) assert.deepEqual(assignment, was)
      }
      assertBaseFirst(changed, after)
    }),
    RUNS,
  )
})

test('nodes that come and go leave the assignments of the others as they are', () => {
  fc.assert(
    fc.property(inputArbitrary, fc.nat(11), (full, index) => {
      // VMs of a node that goes have to go elsewhere, and may take room there.
      const input = { ...full, demands: full.demands.filter(({ target }) => target.kind !== 'vms') }
      const before = createPlan(input)
      const nodes = input.fleet.nodes.map((node, at) => (at === index ? { ...node, isAlive: !node.isAlive } : node))
      const after = createPlan({ ...input, fleet: { ...input.fleet, nodes } }, { previous: before })
      const others = ({ assignments }: Plan) =>
        assignments.filter(({ node }) => node !== `n${index}`).sort((a, b) => (key(a) < key(b) ? -1 : 1))
      assert.deepEqual(others(after), others(before))
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
