import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPlan, type Plan, type PlannerInput, type Unmet } from '@shoal/planner'
import fc from 'fast-check'
import { RUNS } from './assert-plan.ts'
import { digest, fleet, layer } from './build-input.ts'
import { inputArbitrary } from './input-arbitrary.ts'

type Truth = { readonly [reason in Unmet['reason']]: (unmet: Unmet & { readonly reason: reason }, one: Case) => void }

interface Case {
  readonly input: PlannerInput
  readonly plan: Plan
}

function nodeOf({ input }: Case, name: string) {
  return input.fleet.nodes.find(({ node }) => node === name)
}

function demandOf({ input }: Case, id: string) {
  const demand = input.demands.find((one) => one.id === id)
  assert.ok(demand !== undefined, id)
  return demand
}

function isAssigned({ plan }: Case, node: string, layers: readonly string[]): boolean {
  return layers.every((one) =>
    plan.assignments.some((assignment) => assignment.node === node && assignment.layer === one),
  )
}

/** What must be so when a plan says that something cannot be met. */
const TRUTH: Truth = {
  'unknown-node': ({ nodes }, one) => {
    for (const node of nodes) assert.equal(nodeOf(one, node), undefined)
  },
  offline: ({ nodes }, one) => {
    for (const node of nodes) assert.equal(nodeOf(one, node)?.isAlive, false)
  },
  disk: ({ demand, nodes, nodesThatFit }, one) => {
    for (const { neededBytes, availableBytes } of nodes) assert.ok(neededBytes > availableBytes)
    for (const node of nodesThatFit) assert.ok(isAssigned(one, node, demandOf(one, demand).chain))
  },
  places: ({ demand, offlineNodes, fullNodes, placedVms }, one) => {
    const { target } = demandOf(one, demand)
    assert.ok(target.kind === 'vms')
    const { rack } = target.filter ?? {}
    const inReach = one.input.fleet.nodes.filter((node) => rack === undefined || node.rack === rack)
    const placed = one.plan.placements.filter((placement) => placement.demand === demand)
    assert.equal(offlineNodes, inReach.filter(({ isAlive }) => !isAlive).length)
    assert.equal(placed.length + fullNodes + offlineNodes, inReach.length, 'every node was asked')
    assert.equal(placedVms, placed.length * target.vmsPerNode, 'and has as many as it may')
  },
  'no-nodes': ({ demand }, one) => {
    const { target } = demandOf(one, demand)
    assert.ok(target.kind !== 'vms')
    if (target.kind === 'nodes') assert.deepEqual(target.nodes, [])
    else assert.ok(one.input.fleet.nodes.every(({ zone }) => zone !== target.filter.zone))
  },
  'no-source': ({ demand, nodes, layers }, one) => {
    const { chain } = demandOf(one, demand)
    assert.ok(layers.length > 0 && layers.every((layer) => chain.includes(layer)))
    const finish = new Map(one.plan.predicted.nodes.map(({ node, finishMs }) => [node, finishMs]))
    for (const node of nodes) assert.ok(isAssigned(one, node, chain) && finish.get(node) === undefined)
  },
  deadline: ({ demand, deadlineMs, earliestMs, lateNodes, nodesInTime }, one) => {
    assert.ok(earliestMs > deadlineMs && deadlineMs === demandOf(one, demand).deadlineMs)
    assert.ok(lateNodes.length > 0 && nodesInTime >= 0)
    const finish = new Map(one.plan.predicted.nodes.map(({ node, finishMs }) => [node, finishMs]))
    for (const node of lateNodes) assert.ok((finish.get(node) ?? Number.POSITIVE_INFINITY) > deadlineMs)
  },
}

function assertTrue<Reason extends Unmet['reason']>(unmet: Unmet & { readonly reason: Reason }, one: Case): void {
  TRUTH[unmet.reason](unmet, one)
}

/** As they come, and some in which nobody can send what the seed alone has. */
const anyInput = fc.tuple(inputArbitrary, fc.boolean()).map(([input, isSeedUp]): PlannerInput => {
  const { seed } = input.fleet
  return isSeedUp ? input : { ...input, fleet: { ...input.fleet, seed: { ...seed, upBytesPerSecond: 0 } } }
})

test('whatever a plan says cannot be met cannot, and every reason occurs', () => {
  const seen = new Set<Unmet['reason']>()
  fc.assert(
    fc.property(anyInput, (input) => {
      const plan = createPlan(input)
      for (const unmet of plan.unmet) {
        seen.add(unmet.reason)
        assertTrue(unmet, { input, plan })
      }
    }),
    RUNS,
  )
  assert.deepEqual([...seen].sort(), Object.keys(TRUTH).sort())
})

test('the earliest deadline that is offered for a single demand can be kept', () => {
  fc.assert(
    fc.property(inputArbitrary, (input) => {
      const demands = input.demands.slice(0, 1).map((demand) => ({ ...demand, deadlineMs: input.nowMs + 1 }))
      const plan = createPlan({ ...input, demands })
      const late = plan.unmet.find(({ reason }) => reason === 'deadline')
      if (late?.reason !== 'deadline') return
      const kept = demands.map((demand) => ({ ...demand, deadlineMs: late.earliestMs }))
      const again = createPlan({ ...input, demands: kept })
      assert.ok(again.unmet.every(({ reason }) => reason !== 'deadline'))
    }),
    RUNS,
  )
})

test('a layer of which nobody has anything and that the library does not give is without a source', () => {
  const layers = [layer(1)]
  const seed = { upBytesPerSecond: 1e9, libraryBytesPerSecond: 0, holds: [] }
  const target = { kind: 'nodes' as const, nodes: ['n0'] }
  const demands = [{ id: 'd', chain: [digest(1)], target, priority: 1 }]
  const { unmet } = createPlan({ nowMs: 0, layers, demands, fleet: fleet(layers, { seed }) })
  assert.deepEqual(unmet, [{ demand: 'd', reason: 'no-source', nodes: ['n0'], layers: [digest(1)] }])
})
