import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Assignment, createPlan, type Plan, type PlannerInput } from '@shoal/planner'
import fc from 'fast-check'
import { assertBaseFirst, key, RUNS } from './assert-plan.ts'
import { demandArbitrary, inputArbitrary } from './input-arbitrary.ts'

/** All but the wave. */
function termsOf({ priority, notBeforeMs, deadlineMs, pinnedUntilMs, bootFirst }: Assignment): string {
  return [priority, notBeforeMs, deadlineMs, pinnedUntilMs, bootFirst].join()
}

/** What both plans want on the same terms is the same in both. */
function assertKept(before: Plan, after: Plan): void {
  const old = new Map(before.assignments.map((assignment) => [key(assignment), assignment]))
  for (const assignment of after.assignments) {
    const was = old.get(key(assignment))
    if (was !== undefined && termsOf(was) === termsOf(assignment)) assert.deepEqual(assignment, was)
  }
}

function inOrder(assignments: readonly Assignment[]): Assignment[] {
  return assignments.toSorted((a, b) => (key(a) < key(b) ? -1 : 1))
}

/** The same fleet, but no cache is full. */
function roomy(input: PlannerInput): PlannerInput {
  const nodes = input.fleet.nodes.map((node) => ({ ...node, freeCacheBytes: 1e12 }))
  return { ...input, fleet: { ...input.fleet, nodes } }
}

test('a plan made again from the same input and from itself is the same', () => {
  fc.assert(
    fc.property(inputArbitrary, (input) => {
      const plan = createPlan(input)
      assert.deepEqual(createPlan(input, { previous: plan }), plan)
    }),
    RUNS,
  )
})

test('a further demand, and one less, leave every assignment as it is whose terms they do not change', () => {
  fc.assert(
    fc.property(inputArbitrary, demandArbitrary('more'), fc.nat(4), (input, more, removed) => {
      const before = createPlan(input)
      const demands = [...input.demands.filter((_, index) => index !== removed), more]
      const changed = { ...input, demands }
      const after = createPlan(changed, { previous: before })
      assertKept(before, after)
      assertBaseFirst(changed, after)
    }),
    RUNS,
  )
})

test('a demand that is changed leaves every assignment as it is whose terms it does not change', () => {
  fc.assert(
    fc.property(inputArbitrary, demandArbitrary('d0'), (input, changed) => {
      const before = createPlan(input)
      const other = { ...input, demands: [changed, ...input.demands.slice(1)] }
      const after = createPlan(other, { previous: before })
      assertKept(before, after)
      assertBaseFirst(other, after)
    }),
    RUNS,
  )
})

test('a demand that is given up takes what only it wanted and nothing else, and moves no VM of the others', () => {
  fc.assert(
    fc.property(inputArbitrary.map(roomy), fc.nat(4), (input, removed) => {
      const before = createPlan(input)
      const demands = input.demands.filter((_, index) => index !== removed)
      const after = createPlan({ ...input, demands }, { previous: before })
      const ids = new Set(demands.map(({ id }) => id))
      const byDemand = ({ placements }: Plan) => Map.groupBy(placements, ({ demand }) => demand)
      const placedBefore = byDemand(before)
      assert.deepEqual(byDemand(after), new Map([...placedBefore].filter(([id]) => ids.has(id))))
      const wanted = new Set(before.assignments.map(key))
      for (const assignment of after.assignments) assert.ok(wanted.has(key(assignment)))
      assertKept(before, after)
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
      const others = ({ assignments }: Plan) => inOrder(assignments.filter(({ node }) => node !== `n${index}`))
      assert.deepEqual(others(after), others(before))
    }),
    RUNS,
  )
})

test('planned again while it is carried out, nothing changes', () => {
  fc.assert(
    fc.property(inputArbitrary.map(roomy), fc.double({ min: 0, max: 1, noNaN: true }), (input, share) => {
      const before = createPlan(input)
      const sizes = new Map(input.layers.map(({ digest, sizeBytes }) => [digest, sizeBytes]))
      const nodes = input.fleet.nodes.map((node) => {
        const assigned = new Set(before.assignments.filter((one) => one.node === node.node).map(({ layer }) => layer))
        const others = node.holds.filter(({ layer }) => !assigned.has(layer))
        const came = [...assigned].map((layer) => {
          const size = sizes.get(layer) ?? 0
          const heldBefore = node.holds.find((held) => held.layer === layer)?.heldBytes ?? 0
          return { layer, heldBytes: Math.max(heldBefore, Math.floor(size * share)), isPinned: true }
        })
        return { ...node, holds: [...others, ...came] }
      })
      const later = { ...input, nowMs: input.nowMs + 10_000, fleet: { ...input.fleet, nodes } }
      const after = createPlan(later, { previous: before })
      assert.deepEqual(inOrder(after.assignments), inOrder(before.assignments))
      assert.deepEqual(after.placements, before.placements)
    }),
    RUNS,
  )
})
