import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createPlan, type PlannerInput, type Scenario, simulate } from '@shoal/planner'
import { demand, digest, fleet, input, layer, MB, NOW_MS, nodes } from './build-input.ts'

const IDEAL = { efficiency: 1, startUpMs: 0 }

function run(one: PlannerInput, scenario: Scenario = {}) {
  const result = simulate(one, createPlan(one, IDEAL), scenario, IDEAL)
  const seconds = result.nodes.map(({ finishMs }) => (finishMs === undefined ? undefined : (finishMs - NOW_MS) / 1000))
  return { ...result, seconds }
}

function near(actual: number | undefined, expected: number, share = 0.02): void {
  assert.ok(Math.abs((actual ?? Number.NaN) - expected) <= expected * share, `${actual} is not near ${expected}`)
}

const at = (seconds: number) => NOW_MS + seconds * 1000

describe('a fleet to which nothing happens', () => {
  test('does what was predicted', () => {
    const layers = [layer(1, { bootBytes: 7 * MB }), layer(2, { parent: digest(1) })]
    const some = nodes(12, (index) => ({ rack: `r${index % 3}`, downBytesPerSecond: (index < 3 ? 5 : 10) * MB }))
    const racks = ['r0', 'r1', 'r2'].map((rack) => ({ rack, inBytesPerSecond: 20 * MB, outBytesPerSecond: 20 * MB }))
    const one = input({ layers, demands: [demand('d', [1, 2])], fleet: fleet(layers, { nodes: some, racks }) })
    const { predicted } = createPlan(one, IDEAL)
    const result = run(one)
    for (const [index, { finishMs = 0 }] of predicted.nodes.entries())
      near(result.seconds[index], (finishMs - NOW_MS) / 1000)
    near(result.bytes.seedToNode, predicted.bytes.seedToNode)
    near(result.bytes.crossRack, predicted.bytes.crossRack)
    near(result.seedCopies, 1)
    near(result.crossRackCopies, 1, 0.05)
  })

  test('gives the same for the same random seed, and something else for another', () => {
    const scenario = { rateSpread: 0.3, startUpSpread: 0.5, randomSeed: 7 }
    assert.deepEqual(run(input(), scenario), run(input(), scenario))
    assert.notDeepEqual(run(input(), scenario).seconds, run(input(), { ...scenario, randomSeed: 8 }).seconds)
  })
})

describe('nodes that die', () => {
  test('get nothing more, and the others go on', () => {
    const { seconds } = run(input(), { events: [{ kind: 'node-dies', node: 'n2', atMs: at(5) }] })
    assert.equal(seconds[2], undefined)
    near(seconds[0], 10)
  })

  test('go on from what is on their disk when they return', () => {
    const events = [
      { kind: 'node-dies', node: 'n2', atMs: at(5) },
      { kind: 'node-returns', node: 'n2', atMs: at(30) },
    ] as const
    near(run(input(), { events }).seconds[2], 35)
  })

  test('a third dies and half of it returns', () => {
    const one = input({ fleet: fleet([layer(1)], { nodes: nodes(12) }) })
    const dies = [0, 1, 2, 3].map((index) => ({ kind: 'node-dies' as const, node: `n${index}`, atMs: at(5) }))
    const returns = [0, 1].map((index) => ({ kind: 'node-returns' as const, node: `n${index}`, atMs: at(20) }))
    const { seconds } = run(one, { events: [...dies, ...returns] })
    assert.deepEqual([seconds[2], seconds[3]], [undefined, undefined])
    near(seconds[0], 25)
    near(seconds[11], 10)
  })

  test('take with them what only they have, and the seed reads it from the library', () => {
    const layers = [layer(1)]
    const holds = [{ layer: digest(1), heldBytes: 100 * MB }]
    const seed = { ...fleet(layers).seed, holds: [] }
    const some = nodes(3, (index) => (index === 0 ? { holds } : {}))
    const one = input({ fleet: fleet(layers, { nodes: some, seed }) })
    assert.equal(run(one).bytes.libraryToSeed, 0)
    const { bytes, seconds } = run(one, { events: [{ kind: 'node-dies', node: 'n0', atMs: at(5) }] })
    near(bytes.libraryToSeed, 100 * MB)
    // What the others had got by then they have; the rest comes when the seed has read all.
    near(seconds[2], 20)
  })
})

describe('slow links', () => {
  test('a node that slows down is late alone', () => {
    const events = [{ kind: 'node-slows', node: 'n3', share: 0.1, atMs: at(5) }] as const
    const { seconds } = run(input(), { events })
    near(seconds[3], 55)
    near(seconds[0], 10)
  })

  test('background traffic takes from a node, a rack or the seed for as long as it lasts', () => {
    const layers = [layer(1)]
    const racks = [{ rack: 'r', inBytesPerSecond: 10 * MB, outBytesPerSecond: 10 * MB }]
    const one = input({ fleet: fleet(layers, { nodes: nodes(4, { rack: 'r' }), racks }) })
    const taking = (link: 'seed' | { rack: string } | { node: string }) =>
      run(one, {
        events: [
          { kind: 'background', link, bytesPerSecond: 5 * MB, atMs: at(0) },
          { kind: 'background', link, bytesPerSecond: 0, atMs: at(10) },
        ],
      }).seconds
    near(taking('seed')[0], 15)
    near(taking({ rack: 'r' })[0], 15)
    near(taking({ node: 'n1' })[1], 15)
    near(taking({ node: 'n1' })[0], 10)
    near(taking({ rack: 'elsewhere' })[0], 10)
  })
})

describe('a seed that restarts', () => {
  test('costs the time that it is away, while what nodes have still spreads', () => {
    const events = [
      { kind: 'seed-stops', atMs: at(5) },
      { kind: 'seed-starts', atMs: at(25) },
    ] as const
    const result = run(input(), { events })
    near(result.finishMs === undefined ? undefined : (result.finishMs - NOW_MS) / 1000, 30)
    near(result.seedCopies, 1)
  })

  test('costs nothing when nodes have all of it', () => {
    const some = nodes(4, (index) => (index === 3 ? { downBytesPerSecond: 5 * MB } : {}))
    const one = input({ fleet: fleet([layer(1)], { nodes: some }) })
    near(run(one, { events: [{ kind: 'seed-stops', atMs: at(12) }] }).seconds[3], 20)
  })

  test('that never comes back leaves nodes without an end', () => {
    const { finishMs, seconds } = run(input(), { events: [{ kind: 'seed-stops', atMs: at(5) }] })
    assert.deepEqual([finishMs, seconds], [undefined, [undefined, undefined, undefined, undefined]])
  })

  test('goes on reading the library where it was', () => {
    const layers = [layer(1)]
    const seed = { ...fleet(layers).seed, holds: [] }
    const one = input({ fleet: fleet(layers, { seed }) })
    const events = [
      { kind: 'seed-stops', atMs: at(5) },
      { kind: 'seed-starts', atMs: at(15) },
    ] as const
    const { seconds, bytes } = run(one, { events })
    near(seconds[0], 30)
    near(bytes.libraryToSeed, 100 * MB)
  })
})
