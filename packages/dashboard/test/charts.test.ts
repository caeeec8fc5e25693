import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LayerSpread, NodeRow } from '@shoal/api'
import { fleetLayout, nodeAt } from '../src/charts/fleet-layout.ts'
import { heatRows } from '../src/charts/heat-rows.ts'

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
