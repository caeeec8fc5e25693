import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPlan, type Plan, simulate } from '@shoal/planner'
import fc from 'fast-check'
import { assertBaseFirst, demandedNodes, key, RUNS } from './assert-plan.ts'
import { inputArbitrary } from './input-arbitrary.ts'

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

test('the same input gives the same plan, and the same scenario the same simulation', () => {
  const scenario = { rateSpread: 0.3, startUpSpread: 0.5 }
  fc.assert(
    fc.property(inputArbitrary, (input) => {
      const plan = createPlan(input)
      assert.deepEqual(createPlan(structuredClone(input)), plan)
      const simulation = simulate(input, plan, scenario)
      assert.deepEqual(simulate(structuredClone(input), structuredClone(plan), structuredClone(scenario)), simulation)
    }),
    RUNS,
  )
})
