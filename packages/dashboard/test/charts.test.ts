import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LayerSpread, NodeRow } from '@shoal/api'
import { fleetLayout, nodeAt } from '../src/charts/fleet-layout.ts'
import { heatRows } from '../src/charts/heat-rows.ts'
import { rackLinks } from '../src/charts/rack-links.ts'

function fleet(count: number, rackSize: number): NodeRow[] {
  return Array.from({ length: count }, (_, index) => {
    return { id: `n${index}`, zone: 'z', rack: `r${Math.floor(index / rackSize)}` } as NodeRow
  })
}

test('every node has a cell of its own within the map, however many there are', () => {
  for (const [count, rackSize] of [
    [1, 1],
    [400, 40],
    [10_000, 40],
    [10_000, 1],
    [3, 10_000],
  ] as const) {
    const nodes = fleet(count, rackSize)
    const layout = fleetLayout(nodes, 900, 260)
    assert.equal(
      layout.blocks.reduce((sum, block) => sum + block.nodes.length, 0),
      count,
    )
    for (const block of layout.blocks)
      assert.ok(block.x + block.across * layout.cell <= 900, `${count} in racks of ${rackSize}`)
    const [first] = layout.blocks
    assert.ok(first !== undefined)
    assert.equal(nodeAt(layout, first.x + 1, first.y + 17), first.nodes[0])
    if (count <= 1000) assert.ok(layout.height <= 260)
  }
})

test('racks are in the order in which people count', () => {
  const { blocks } = fleetLayout(fleet(12, 1), 900, 260)
  assert.deepEqual(blocks.map(({ name }) => name).slice(0, 4), ['z / r0', 'z / r1', 'z / r2', 'z / r3'])
  assert.equal(blocks.at(-1)?.name, 'z / r11')
})

test('rows of a heat map are nodes, or means of nodes that follow each other', () => {
  const nodes = ['f0', '0f', 'ff', ''].map((map, index) => ({ node: `n${index}`, state: '', presentBytes: 0, map }))
  const spread = { nodes, stretches: 2 } as unknown as LayerSpread
  const fine = heatRows(spread, 10)
  assert.deepEqual([...fine.shares], [255, 0, 0, 255, 255, 255, -1, -1])
  const coarse = heatRows(spread, 2)
  assert.equal(coarse.nodesARow, 2)
  assert.deepEqual([...coarse.shares], [128, 128, 255, 255])
})

const flow = (from: string, to: string, bytes: number, bytesPerSecond = 0, isOrigin = false) => {
  return { from: { zone: '', rack: from }, zone: '', rack: to, isOrigin, bytes, bytesPerSecond }
}

test('lines of the swarm graph are what moves now; when nothing does, what has moved', () => {
  const flows = [flow('', 'a', 100, 0, true), flow('a', 'b', 50, 0), flow('b', 'b', 200, 0)]
  const still = rackLinks(flows)
  assert.deepEqual([still.isLive, still.sums], [false, { fromSeed: 100, within: 200, between: 50 }])
  assert.deepEqual(still.between, [{ from: 'a', to: 'b', share: 0.25 }])
  const live = rackLinks([...flows, flow('a', 'c', 1, 8), flow('', 'c', 1, 4, true)])
  assert.deepEqual([live.isLive, live.sums], [true, { fromSeed: 4, within: 0, between: 8 }])
  assert.deepEqual([...live.fromSeed], [['c', 0.5]])
})

test('of very many racks the thickest lines are drawn', () => {
  const flows = Array.from({ length: 900 }, (_, index) => flow(`r${index % 30}`, `s${Math.floor(index / 30)}`, index))
  const { between } = rackLinks(flows)
  assert.equal(between.length, 120)
  assert.equal(between[0]?.share, 1)
})
