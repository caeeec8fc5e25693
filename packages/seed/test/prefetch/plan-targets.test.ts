import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Plan } from '@shoal/planner'
import fc from 'fast-check'
import { type PlanTargets, readTargets, storedTargets, targetsOfPlan } from '../../src/prefetch/plan-targets.ts'
import { layerDigest } from '../nodes/known-layers.ts'

const [one, two] = [layerDigest(1), layerDigest(2)]

it('what is stored is read back as it was, also as JSON', () => {
  const layers = fc.uniqueArray(fc.integer({ min: 1, max: 30 }), { maxLength: 6 })
  const target = fc.record(
    {
      layers: fc
        .tuple(layers, fc.integer({ min: 0, max: 500 }))
        .map(([numbers, wave]) => new Map(numbers.map((number) => [layerDigest(number), wave + (number % 3)]))),
      vms: fc.nat(1000),
      predictedFinishMs: fc.option(fc.integer({ min: 0, max: 2e12 })),
    },
    { noNullPrototype: true },
  )
  const name = fc.constantFrom('n1', 'n2', 'node.rack-3', '__proto__', '0')
  const all = fc.uniqueArray(fc.tuple(name, target), { selector: ([node]) => node }).map((entries) => new Map(entries))
  const property = fc.property(all, (targets: PlanTargets) => {
    const stored = storedTargets(targets)
    assert.deepEqual(readTargets(JSON.parse(JSON.stringify(stored))), targets)
    const known = new Set([...targets.values()].flatMap((target) => [...target.layers.keys()]))
    assert.equal(stored.layers.length, known.size, 'each layer is written once')
  })
  fc.assert(property, { numRuns: 200, seed: 1 })
})

const terms = { priority: 1, notBeforeMs: undefined, deadlineMs: undefined, pinnedUntilMs: undefined, bootFirst: false }
const plan: Plan = {
  assignments: [
    { node: 'a', layer: one, wave: 1, ...terms },
    { node: 'a', layer: two, wave: 2, ...terms },
    { node: 'b', layer: one, wave: 1, ...terms },
  ],
  placements: [
    { demand: 'x', node: 'a', vms: 2 },
    { demand: 'y', node: 'a', vms: 3 },
  ],
  waves: [],
  evictions: [],
  predicted: {
    nodes: [
      { node: 'a', finishMs: 77 },
      { node: 'b', finishMs: undefined },
    ],
    finishMs: undefined,
    bytes: { libraryToSeed: 0, seedToNode: 0, inRack: 0, crossRack: 0 },
  },
  fluidBound: { seconds: 0, limitedBy: 'nothing' },
  unmet: [],
}

it('takes what a plan says of each node, and keeps what it wanted of those that are away', () => {
  const old = { layers: new Map([[two, 4]]), vms: 1, predictedFinishMs: 5 }
  const before = new Map([
    ['a', old],
    ['away', old],
    ['gone', old],
  ])
  const targets = targetsOfPlan(plan, before, new Set(['away', 'a', 'stranger']))
  const a = new Map([
    [one, 1],
    [two, 2],
  ])
  assert.deepEqual(Object.fromEntries(targets), {
    a: { layers: a, vms: 5, predictedFinishMs: 77 },
    b: { layers: new Map([[one, 1]]), vms: 0, predictedFinishMs: null },
    away: old,
  })
})
