import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Plan, Simulation, Unmet } from '@shoal/planner'
import { outcomeOf, toApiSimulation } from '../../src/prefetch/plan-outcome.ts'
import { layerDigest } from '../nodes/known-layers.ts'
import { NOON_MS } from './simulated-fleet.ts'

const MIB = 1024 ** 2
const demand = 'image'
const layers = [layerDigest(1)]
const iso = (ms: number) => new Date(NOON_MS + ms).toISOString()
const bytes = { libraryToSeed: 1.4, seedToNode: 2.5, inRack: 0, crossRack: 7 }

function plan(change: Partial<Plan> = {}): Plan {
  return {
    ...{ assignments: [], waves: [], placements: [], evictions: [], unmet: [] },
    predicted: { nodes: [], finishMs: NOON_MS + 5000, bytes },
    fluidBound: { seconds: 4, limitedBy: 'seed' },
    ...change,
  }
}

const room = (node: string, lackingBytes: number) => ({ node, neededBytes: lackingBytes + 10, availableBytes: 10 })

/** What cannot be met, whom it concerns, and what the message has to say of the nearest that can. */
const cases: readonly (readonly [Unmet, readonly string[], readonly RegExp[]])[] = [
  [{ demand, reason: 'unknown-node', nodes: ['a', 'b'] }, ['a', 'b'], [/2 nodes are/, /others are planned/]],
  [{ demand, reason: 'unknown-node', nodes: ['a'] }, ['a'], [/1 node is/]],
  [{ demand, reason: 'offline', nodes: ['a'] }, ['a'], [/1 node sends no heartbeats/, /when they are back/]],
  [
    { demand, reason: 'disk', nodes: [room('a', MIB), room('b', 2.5 * MIB)], nodesThatFit: ['c', 'd', 'e'] },
    ['a', 'b'],
    [/2 nodes have no room/, /up to 3 MiB/, /fits on 3 others/],
  ],
  [
    { demand, reason: 'places', missingVms: 7, placedVms: 5, offlineNodes: 2, fullNodes: 3 },
    [],
    [/places for 5 VMs/, /none for 7/, /2 nodes are offline, 3 have no room/, /more VMs a node/],
  ],
  [{ demand, reason: 'no-nodes' }, [], [/No node is in that part/]],
  [{ demand, reason: 'no-source', nodes: ['a', 'b'], layers }, ['a', 'b'], [/2 nodes/, /a link or a limit/]],
  [
    { demand, reason: 'deadline', deadlineMs: 1, earliestMs: NOON_MS + 9000, lateNodes: ['a'], nodesInTime: 4 },
    ['a'],
    [/4 nodes have it in time, 1 do not/, /2026-01-01T12:00:09\.000Z/, /nearest deadline/],
  ],
]

for (const [unmet, nodes, words] of cases) {
  it(`${unmet.reason} of ${nodes.length} nodes is told with the nearest that can be met`, () => {
    const [told, ...others] = outcomeOf(plan({ unmet: [unmet] }), NOON_MS).unmet
    assert.equal(others.length, 0)
    assert.deepEqual(
      [told?.image, told?.reason, told?.nodes, told?.nodeCount],
      [demand, unmet.reason, nodes, nodes.length],
    )
    for (const word of words) assert.match(told?.message ?? '', word)
    assert.equal(told?.earliestAt, unmet.reason === 'deadline' ? iso(9000) : null)
  })
}

it('names a hundred nodes and counts all', () => {
  const nodes = Array.from({ length: 250 }, (_, index) => `n${index}`)
  const [told] = outcomeOf(plan({ unmet: [{ demand, reason: 'offline', nodes }] }), NOON_MS).unmet
  assert.deepEqual([told?.nodes.length, told?.nodeCount], [100, 250])
})

it('a deadline that no clock shows is none', () => {
  const late = { lateNodes: ['a'], nodesInTime: 0, deadlineMs: 1, earliestMs: 1e16 }
  const [told] = outcomeOf(plan({ unmet: [{ demand, reason: 'deadline', ...late }] }), NOON_MS).unmet
  assert.equal(told?.earliestAt, null)
})

it('tells the prediction from the moment of planning on, in whole bytes', () => {
  const { prediction } = outcomeOf(plan(), NOON_MS)
  const whole = { libraryToSeed: 1, seedToNode: 3, inRack: 0, crossRack: 7 }
  assert.deepEqual(prediction, {
    ...{ finishAt: iso(5000), seconds: 5, fluidBoundSeconds: 4, limitedBy: 'seed', bytes: whole },
  })
  const never = outcomeOf(plan({ predicted: { nodes: [], finishMs: undefined, bytes } }), NOON_MS).prediction
  assert.deepEqual([never.finishAt, never.seconds], [null, null])
})

it('tells waves, places and room to make', () => {
  const wave = { wave: 1, kind: 'rest', layers, nodes: 3, bytes: 9.6, opensMs: NOON_MS, endsMs: undefined } as const
  const { waves, placements, evictions } = outcomeOf(
    plan({ waves: [wave], placements: [{ demand, node: 'a', vms: 2 }], evictions: [{ node: 'a', bytes: 4.2 }] }),
    NOON_MS,
  )
  assert.deepEqual(waves, [{ wave: 1, kind: 'rest', layers, nodes: 3, bytes: 10, opensAt: iso(0), endsAt: null }])
  assert.deepEqual(placements, [{ image: demand, node: 'a', vms: 2 }])
  assert.deepEqual(evictions, [{ node: 'a', bytes: 5 }])
})

it('the median of a simulation is of all nodes, those that never end at the end', () => {
  const simulated = (...finishes: (number | undefined)[]): Simulation => ({
    nodes: finishes.map((seconds, index) => ({
      node: `n${index}`,
      finishMs: seconds === undefined ? undefined : NOON_MS + seconds * 1000,
    })),
    finishMs: undefined,
    ...{ bytes, seedCopies: 1.1, crossRackCopies: 1 },
  })
  const told = (...finishes: (number | undefined)[]) => {
    const { seconds, medianSeconds, unfinishedNodes } = toApiSimulation(simulated(...finishes), NOON_MS)
    return [seconds, medianSeconds, unfinishedNodes]
  }
  assert.deepEqual(told(9, 1, 5), [9, 5, 0])
  assert.deepEqual(told(9, undefined, 1, undefined), [9, 9, 2])
  assert.deepEqual(told(9, undefined, undefined), [9, null, 2])
  assert.deepEqual(told(undefined), [null, null, 1])
})
