import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPlan, type DemandTarget, type FleetNode, type PlannerOptions } from '@shoal/planner'
import { heldBytesThenLoad } from '@shoal/scheduler'
import { demand, digest, fleet, input, layer, MB, nodes } from './build-input.ts'

const HAS_IT = { holds: [{ layer: digest(1), heldBytes: 100 * MB }] }

function place(
  some: readonly FleetNode[],
  target: Partial<DemandTarget & { kind: 'vms' }>,
  options: PlannerOptions = {},
) {
  const demands = [demand('d', [1], { target: { kind: 'vms', vms: 2, vmsPerNode: 1, ...target } })]
  return createPlan(input({ demands, fleet: fleet([layer(1)], { nodes: some }) }), options)
}

function names({ placements }: ReturnType<typeof place>): string[] {
  return placements.map(({ node }) => node)
}

test('VMs go where the most bytes are, then where it is least busy', () => {
  const some = nodes(4, (index) => ({ load: 9 - index, ...(index === 1 ? HAS_IT : {}) }))
  assert.deepEqual(names(place(some, {})), ['n1', 'n3'])
})

test('equal nodes are taken from one rack after the other', () => {
  const some = nodes(6, (index) => ({ rack: index < 4 ? 'a' : 'b' }))
  assert.deepEqual(names(place(some, { vms: 4 })).sort(), ['n0', 'n1', 'n4', 'n5'])
})

test('a node takes as many VMs as it may, and the last what is left', () => {
  const { placements, assignments } = place(nodes(4), { vms: 7, vmsPerNode: 3 })
  assert.deepEqual(
    placements.map(({ vms }) => vms),
    [3, 3, 1],
  )
  assert.equal(assignments.length, 3, 'other nodes get nothing')
})

test('only nodes of the zone, the rack and the aggregate that were asked for', () => {
  const some = nodes(8, (index) => ({
    zone: index % 2 === 0 ? 'even' : 'odd',
    rack: index < 4 ? 'low' : 'high',
    aggregates: index % 4 === 0 ? ['fast', 'big'] : ['big'],
  }))
  assert.deepEqual(
    names(place(some, { filter: { zone: 'odd' } })).map((name) => Number(name[1]) % 2),
    [1, 1],
  )
  assert.deepEqual(names(place(some, { filter: { rack: 'high', aggregate: 'fast' }, vms: 1 })), ['n4'])
})

test('VMs for which there is no place are told, with what stood in the way', () => {
  const some = nodes(3, (index) => (index === 0 ? { isAlive: false } : index === 1 ? { freeCacheBytes: 0 } : {}))
  assert.deepEqual(place(some, {}).unmet, [
    { demand: 'd', reason: 'places', missingVms: 1, placedVms: 1, offlineNodes: 1, fullNodes: 1 },
  ])
})

test('VMs of one demand count as load for the next', () => {
  const layers = [layer(1), layer(2)]
  const target = { kind: 'vms' as const, vms: 2, vmsPerNode: 2 }
  const demands = [demand('a', [1], { target, priority: 90 }), demand('b', [2], { target })]
  const { placements } = createPlan(input({ layers, demands, fleet: fleet(layers, { nodes: nodes(2) }) }))
  assert.deepEqual(
    placements.map(({ node }) => node),
    ['n0', 'n1'],
  )
})

test('a score of its own decides instead', () => {
  const score = ({ node }: { node: string }) => Number(node.slice(1))
  assert.deepEqual(names(place(nodes(4), {}, { score })), ['n3', 'n2'])
})

test('planned again, VMs stay where they were, though others would now be better', () => {
  const previous = place(nodes(4), {})
  const some = nodes(5, (index) => (index > 2 ? HAS_IT : { load: 5 }))
  assert.deepEqual(names(place(some, {}, { previous })), names(previous))
  const grown = place(some, { vms: 3 }, { previous })
  assert.deepEqual(names(grown), [...names(previous), 'n3'])
})

test('planned again, VMs of a node that died go elsewhere', () => {
  const previous = place(nodes(4), {})
  const some = nodes(4, (index) => ({ isAlive: index !== 0 }))
  assert.deepEqual(names(place(some, {}, { previous })), ['n1', 'n2'])
})

test('the default score puts bytes before load', () => {
  const candidate = { node: 'n', rack: undefined, chainBytes: 100, heldBytes: 50, load: 100 }
  const score = (rest: Partial<typeof candidate>) => heldBytesThenLoad({ ...candidate, ...rest })
  assert.ok(score({}) > score({ heldBytes: 49, load: 0 }))
  assert.ok(score({ load: 99 }) > score({}))
})
