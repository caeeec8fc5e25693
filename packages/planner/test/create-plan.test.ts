import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createPlan, type Plan, type PlannerInput } from '@shoal/planner'
import { demand, digest, fleet, input, layer, MB, NOW_MS, nodes } from './build-input.ts'

const IDEAL = { efficiency: 1, startUpMs: 0 }

function secondsOf({ predicted }: Plan): number {
  return ((predicted.finishMs ?? Number.NaN) - NOW_MS) / 1000
}

function near(actual: number, expected: number, share = 0.01): void {
  assert.ok(Math.abs(actual - expected) <= expected * share + 1e-6, `${actual} is not near ${expected}`)
}

function waveOf(plan: Plan, number: number): number | undefined {
  return plan.assignments.find((assignment) => assignment.layer === digest(number))?.wave
}

/** A seed that can feed several nodes at once. */
function fastSeed(layers = [layer(1), layer(2)]): PlannerInput['fleet']['seed'] {
  return { ...fleet(layers).seed, upBytesPerSecond: 100 * MB }
}

describe('what is predicted', () => {
  test('a layer that nobody has takes the time of the fluid bound, one copy from the seed', () => {
    const plan = createPlan(input(), IDEAL)
    assert.deepEqual(plan.fluidBound, { seconds: 10, limitedBy: 'seed' })
    near(secondsOf(plan), 10)
    near(plan.predicted.bytes.seedToNode, 100 * MB)
    near(plan.predicted.bytes.inRack, 300 * MB)
    assert.equal(plan.predicted.bytes.crossRack, 0)
    assert.equal(plan.predicted.bytes.libraryToSeed, 0)
    assert.deepEqual(
      plan.predicted.nodes.map(({ node }) => node),
      ['n0', 'n1', 'n2', 'n3'],
    )
  })

  test('links carry less than they should, and the first byte takes its time', () => {
    near(secondsOf(createPlan(input(), { efficiency: 0.5, startUpMs: 3000 })), 23)
    near(secondsOf(createPlan(input())), 10 / 0.85 + 1.5)
  })

  test('what nodes have is not moved again, and a node that has it spares the seed', () => {
    const layers = [layer(1)]
    const holds = [{ layer: digest(1), heldBytes: 100 * MB }]
    const some = nodes(4, (index) => (index === 0 ? { holds } : {}))
    const plan = createPlan(input({ fleet: fleet(layers, { nodes: some }) }), IDEAL)
    assert.equal(plan.assignments.length, 4, 'it is pinned where it is')
    near(plan.predicted.bytes.inRack, 300 * MB)
    assert.equal(plan.predicted.bytes.seedToNode, 0)
    assert.equal(plan.predicted.nodes[0]?.finishMs, NOW_MS)
  })

  test('half a layer takes half the time', () => {
    const holds = [{ layer: digest(1), heldBytes: 50 * MB }]
    near(secondsOf(createPlan(input({ fleet: fleet([layer(1)], { nodes: nodes(4, { holds }) }) }), IDEAL)), 5)
  })

  test('a slow node is late and holds up nobody', () => {
    const some = nodes(4, (index) => (index === 3 ? { downBytesPerSecond: MB, upBytesPerSecond: MB } : {}))
    const plan = createPlan(input({ fleet: fleet([layer(1)], { nodes: some }) }), IDEAL)
    assert.deepEqual(plan.fluidBound, { seconds: 100, limitedBy: 'node' })
    const [first, , , last] = plan.predicted.nodes.map(({ finishMs = 0 }) => (finishMs - NOW_MS) / 1000)
    near(first ?? 0, 10, 0.05)
    near(last ?? 0, 100, 0.05)
  })

  test('where nodes can send little, the seed sends more than one copy', () => {
    const some = nodes(4, { upBytesPerSecond: MB })
    const plan = createPlan(input({ fleet: fleet([layer(1)], { nodes: some }) }), IDEAL)
    assert.equal(plan.fluidBound.limitedBy, 'upload')
    near(secondsOf(plan), 400 / 14)
    near(plan.predicted.bytes.seedToNode, (400 / 14) * 10 * MB)
  })

  test('each rack takes one copy over its uplink, as fast as that goes', () => {
    const layers = [layer(1)]
    const some = nodes(8, (index) => ({ rack: `r${index % 2}` }))
    const racks = ['r0', 'r1'].map((rack) => ({ rack, inBytesPerSecond: 5 * MB, outBytesPerSecond: 5 * MB }))
    const plan = createPlan(input({ fleet: fleet(layers, { nodes: some, racks }) }), IDEAL)
    assert.deepEqual(plan.fluidBound, { seconds: 20, limitedBy: 'uplink' })
    near(secondsOf(plan), 20)
    near(plan.predicted.bytes.seedToNode, 100 * MB)
    near(plan.predicted.bytes.crossRack, 100 * MB)
    near(plan.predicted.bytes.inRack, 600 * MB)
  })

  test('limits of the plan hold the links back', () => {
    const seconds = (limits: PlannerInput['limits']) => secondsOf(createPlan(input({ limits }), IDEAL))
    near(seconds({ seedUpBytesPerSecond: 2 * MB }), 50)
    near(seconds({ nodeDownBytesPerSecond: 4 * MB }), 25)
    near(seconds({ planBytesPerSecond: 5 * MB }), 80)
    near(seconds({ nodeUpBytesPerSecond: MB }), 400 / 14)
  })

  test('the seed reads layer after layer from the library, within the limit, and sends what it has read', () => {
    const layers = [layer(1), layer(2)]
    const seed = { ...fleet(layers).seed, holds: [] }
    const limits = { libraryBytesPerSecond: 5 * MB }
    const demands = [demand('first', [1], { priority: 90 }), demand('second', [2])]
    const plan = createPlan(input({ layers, demands, limits, fleet: fleet(layers, { seed }) }), IDEAL)
    near(plan.predicted.bytes.libraryToSeed, 200 * MB)
    // Read in 20 s and 20 s, and the second is sent after it.
    near(secondsOf(plan), 50)
  })

  test('a layer that nobody can send is told, with who waits for it', () => {
    const layers = [layer(1)]
    const seed = { ...fleet(layers).seed, upBytesPerSecond: 0 }
    const plan = createPlan(input({ fleet: fleet(layers, { seed }) }), IDEAL)
    assert.equal(plan.predicted.finishMs, undefined)
    const names = ['n0', 'n1', 'n2', 'n3']
    assert.deepEqual(plan.unmet, [{ demand: 'd', reason: 'no-source', nodes: names, layers: [digest(1)] }])
  })
})

describe('waves', () => {
  test('boot bytes of all layers come first, in whole pieces, then bases, then middles', () => {
    const layers = [layer(1, { bootBytes: 1.5 * MB }), layer(2, { parent: digest(1), bootBytes: 5 * MB })]
    const plan = createPlan(input({ layers, fleet: fleet(layers), demands: [demand('d', [1, 2])] }), IDEAL)
    assert.deepEqual(
      plan.waves.map(({ wave, kind, layers: digests, nodes: count, bytes }) => [
        wave,
        kind,
        digests.length,
        count,
        bytes,
      ]),
      [
        [0, 'boot', 2, 4, 4 * 7 * MB],
        [1, 'rest', 1, 4, 4 * 98 * MB],
        [2, 'rest', 1, 4, 4 * 95 * MB],
      ],
    )
    assert.ok(plan.assignments.every(({ bootFirst }) => bootFirst))
    const [boot, base, middle] = plan.waves
    assert.ok((boot?.endsMs ?? 0) < (base?.endsMs ?? 0) && (base?.endsMs ?? 0) < (middle?.endsMs ?? 0))
  })

  test('the more urgent demand is in the earlier wave: by priority, then by deadline', () => {
    const layers = [layer(1), layer(2), layer(3)]
    const deadlineMs = NOW_MS + 3_600_000
    const demands = [demand('low', [1]), demand('soon', [2], { deadlineMs }), demand('high', [3], { priority: 90 })]
    const plan = createPlan(input({ layers, fleet: fleet(layers), demands }))
    assert.deepEqual([waveOf(plan, 3), waveOf(plan, 2), waveOf(plan, 1)], [1, 2, 3])
  })

  test('layers of different nodes share a wave as long as the seed can feed them all', () => {
    const layers = [layer(1), layer(2), layer(3)]
    const on = (name: string) => ({ target: { kind: 'nodes' as const, nodes: [name] } })
    const demands = [demand('a', [1], on('n0')), demand('b', [2], on('n1')), demand('c', [3], on('n2'))]
    const seed = { ...fastSeed(layers), upBytesPerSecond: 20 * MB }
    const plan = createPlan(input({ layers, demands, fleet: fleet(layers, { seed }) }))
    assert.deepEqual(
      [1, 2, 3].map((number) => waveOf(plan, number)),
      [1, 1, 2],
    )
  })

  test('layers that would share the uplink of a rack do not share a wave', () => {
    const layers = [layer(1), layer(2)]
    const on = (name: string) => ({ target: { kind: 'nodes' as const, nodes: [name] } })
    const demands = [demand('a', [1], on('n0')), demand('b', [2], on('n1'))]
    const racks = [{ rack: 'r', inBytesPerSecond: 15 * MB, outBytesPerSecond: 15 * MB }]
    const withRack = fleet(layers, { seed: fastSeed(), racks, nodes: nodes(2, { rack: 'r' }) })
    const plan = createPlan(input({ layers, demands, fleet: withRack }))
    assert.deepEqual([waveOf(plan, 1), waveOf(plan, 2)], [1, 2])
  })

  test('what may not begin yet is not predicted to, and what is behind it does not wait', () => {
    const layers = [layer(1), layer(2)]
    const notBeforeMs = NOW_MS + 60_000
    const demands = [demand('later', [1], { priority: 90, notBeforeMs }), demand('now', [2])]
    const plan = createPlan(input({ layers, demands, fleet: fleet(layers) }), IDEAL)
    const [later, now] = plan.waves
    assert.equal(later?.opensMs, notBeforeMs)
    near(((now?.endsMs ?? 0) - NOW_MS) / 1000, 10)
    near(secondsOf(plan), 70)
  })

  test('demands for the same layer are one assignment on terms that satisfy both', () => {
    const one = demand('one', [1], { priority: 10, deadlineMs: NOW_MS + 50_000, pinnedUntilMs: NOW_MS + 1 })
    const other = demand('other', [1], { priority: 90, deadlineMs: NOW_MS + 90_000, pinnedUntilMs: NOW_MS + 2 })
    const { assignments } = createPlan(input({ demands: [one, other], fleet: fleet([layer(1)], { nodes: nodes(1) }) }))
    const times = { notBeforeMs: undefined, deadlineMs: NOW_MS + 50_000, pinnedUntilMs: NOW_MS + 2 }
    const expected = { node: 'n0', layer: digest(1), priority: 90, wave: 1, bootFirst: false, ...times }
    assert.deepEqual(assignments, [expected])
  })
})

describe('what cannot be met', () => {
  test('a deadline that is too early, with the one that could be kept and who is in time', () => {
    const some = nodes(4, (index) => (index === 3 ? { downBytesPerSecond: MB } : {}))
    const deadlineMs = NOW_MS + 20_000
    const demands = [demand('d', [1], { deadlineMs })]
    const plan = createPlan(input({ demands, fleet: fleet([layer(1)], { nodes: some }) }), IDEAL)
    const [late] = plan.unmet
    assert.ok(late?.reason === 'deadline')
    assert.deepEqual([late.deadlineMs, late.lateNodes, late.nodesInTime], [deadlineMs, ['n3'], 3])
    near((late.earliestMs - NOW_MS) / 1000, 100, 0.05)
    const kept = createPlan(
      input({
        demands: [demand('d', [1], { deadlineMs: late.earliestMs })],
        fleet: fleet([layer(1)], { nodes: some }),
      }),
      IDEAL,
    )
    assert.deepEqual(kept.unmet, [])
    assert.equal(plan.assignments.length, 4, 'it is planned all the same')
  })

  test('nodes that are offline or unknown', () => {
    const some = nodes(2, (index) => ({ isAlive: index === 0 }))
    const target = { kind: 'nodes' as const, nodes: ['n0', 'n1', 'n9'] }
    const plan = createPlan(
      input({ demands: [demand('d', [1], { target })], fleet: fleet([layer(1)], { nodes: some }) }),
    )
    assert.deepEqual(plan.unmet, [
      { demand: 'd', reason: 'unknown-node', nodes: ['n9'] },
      { demand: 'd', reason: 'offline', nodes: ['n1'] },
    ])
    assert.deepEqual(
      plan.assignments.map(({ node }) => node),
      ['n0'],
    )
  })

  test('a part of the fleet in which nobody is', () => {
    const target = { kind: 'within' as const, filter: { zone: 'nowhere' } }
    const plan = createPlan(input({ demands: [demand('d', [1], { target })] }))
    assert.deepEqual(plan.unmet, [{ demand: 'd', reason: 'no-nodes' }])
  })

  test('nodes without room for the whole chain get none of it; others evict what they must', () => {
    const layers = [layer(1), layer(2, { parent: digest(1) })]
    const holds = (isPinned: boolean) => [{ layer: digest(7), heldBytes: 90 * MB, isPinned }]
    const some = nodes(3, (index) => ({ freeCacheBytes: 120 * MB, holds: index === 0 ? [] : holds(index === 1) }))
    const plan = createPlan(input({ layers, demands: [demand('d', [1, 2])], fleet: fleet(layers, { nodes: some }) }))
    const full = { neededBytes: 200 * MB, availableBytes: 120 * MB }
    const expected = ['n0', 'n1'].map((node) => ({ node, ...full }))
    assert.deepEqual(plan.unmet, [{ demand: 'd', reason: 'disk', nodes: expected, nodesThatFit: ['n2'] }])
    assert.deepEqual(plan.evictions, [{ node: 'n2', bytes: 80 * MB }])
    assert.deepEqual(new Set(plan.assignments.map(({ node }) => node)), new Set(['n2']))
  })

  test('the more urgent demand gets the room', () => {
    const layers = [layer(1), layer(2)]
    const some = nodes(1, { freeCacheBytes: 150 * MB })
    const demands = [demand('low', [1]), demand('high', [2], { priority: 90 })]
    const plan = createPlan(input({ layers, demands, fleet: fleet(layers, { nodes: some }) }))
    assert.deepEqual(
      plan.assignments.map((assignment) => assignment.layer),
      [digest(2)],
    )
    assert.deepEqual(
      plan.unmet.map(({ demand: id, reason }) => [id, reason]),
      [['low', 'disk']],
    )
  })
})

describe('what contradicts itself', () => {
  const wrong: Record<string, PlannerInput> = {
    'a node twice': input({ fleet: fleet([layer(1)], { nodes: [...nodes(1), ...nodes(1)] }) }),
    'a layer twice': input({ layers: [layer(1), layer(1)] }),
    'a demand twice': input({ demands: [demand('d', [1]), demand('d', [1])] }),
    'an unknown layer': input({ demands: [demand('d', [2])] }),
    'a chain without its base': input({
      layers: [layer(1), layer(2, { parent: digest(1) })],
      demands: [demand('d', [2])],
    }),
    'a chain of strangers': input({ layers: [layer(1), layer(2)], demands: [demand('d', [1, 2])] }),
    'an empty chain': input({ demands: [demand('d', [])] }),
    'a rate below zero': input({ fleet: fleet([layer(1)], { nodes: nodes(1, { upBytesPerSecond: -1 }) }) }),
    'a rate without an end': input({ fleet: fleet([layer(1)], { nodes: nodes(1, { downBytesPerSecond: Infinity }) }) }),
    'a limit that is no number': input({ limits: { planBytesPerSecond: Number.NaN } }),
    'an empty layer': input({ layers: [layer(1, { sizeBytes: 0 })] }),
    'no VMs': input({ demands: [demand('d', [1], { target: { kind: 'vms', vms: 0, vmsPerNode: 1 } })] }),
    'a deadline that is no time': input({ demands: [demand('d', [1], { deadlineMs: Number.NaN })] }),
  }
  for (const [name, one] of Object.entries(wrong)) {
    test(`${name} is a TypeError`, () => assert.throws(() => createPlan(one), TypeError))
  }

  test('links that give more than they have, or less than nothing, are a TypeError', () => {
    for (const wrongUse of [{ efficiency: 0 }, { efficiency: 1.1 }, { efficiency: Number.NaN }, { startUpMs: -1 }]) {
      assert.throws(() => createPlan(input(), wrongUse), TypeError)
    }
  })
})
