import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPlan, simulate } from '@shoal/planner'
import { demand, digest, fleet, input, layer, MB, NOW_MS, nodes } from './build-input.ts'

const IDEAL = { efficiency: 1, startUpMs: 0 }

function seconds(finishMs: number | undefined): number {
  return ((finishMs ?? Number.NaN) - NOW_MS) / 1000
}

test('nodes that are no two alike each take the time of their own link, however many layers they get', () => {
  const layers = Array.from({ length: 40 }, (_, number) => layer(number, { sizeBytes: (1 + (number % 7)) * MB }))
  const some = nodes(100, (index) => {
    const rate = (5 + index / 10) * MB
    return { upBytesPerSecond: rate, downBytesPerSecond: rate }
  })
  const seed = { ...fleet(layers).seed, upBytesPerSecond: 100 * MB }
  const demands = layers.map((_, number) => demand(`d${number}`, [number]))
  const plan = createPlan(input({ layers, demands, fleet: fleet(layers, { nodes: some, seed }) }), IDEAL)
  const all = layers.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  for (const [index, { finishMs }] of plan.predicted.nodes.entries()) {
    const expected = all / (some[index]?.downBytesPerSecond ?? 0)
    const error = seconds(finishMs) / expected - 1
    assert.ok(error > -1e-6 && error < 0.1, `n${index}: ${Math.round(error * 100)} % over its link`)
  }
})

test('more nodes than are told apart are predicted as if each were a little slower, never faster', () => {
  const some = nodes(1200, (index) => {
    const rate = (10 + index / 120) * MB
    return { upBytesPerSecond: rate, downBytesPerSecond: rate, rack: `r${index % 4}` }
  })
  const layers = [layer(1)]
  const seed = { ...fleet(layers).seed, upBytesPerSecond: 100 * MB }
  const one = input({ fleet: fleet(layers, { nodes: some, seed }) })
  const plan = createPlan(one, IDEAL)
  const singly = simulate(one, plan, {}, IDEAL)
  for (const [index, { node, finishMs }] of plan.predicted.nodes.entries()) {
    const over = seconds(finishMs) / seconds(singly.nodes[index]?.finishMs)
    assert.ok(over > 0.98 && over < 1.25, `${node}: ${over}`)
  }
})

test('nodes that have a layer serve the others though they are not told apart from those that do not', () => {
  const layers = Array.from({ length: 12 }, (_, number) => layer(number))
  const holdsOf = (index: number) =>
    layers.flatMap(({ sizeBytes }, number) =>
      (index >> number) % 2 === 1 ? [{ layer: digest(number), heldBytes: sizeBytes }] : [],
    )
  const some = nodes(2 ** 11, (index) => ({ holds: holdsOf(index), freeCacheBytes: 1e12 }))
  const seed = { ...fleet(layers).seed, upBytesPerSecond: 0 }
  const demands = layers.slice(0, 11).map((_, number) => demand(`d${number}`, [number]))
  const plan = createPlan(input({ layers, demands, fleet: fleet(layers, { nodes: some, seed }) }), IDEAL)
  assert.deepEqual(plan.unmet, [])
  assert.equal(plan.predicted.bytes.seedToNode, 0)
})
