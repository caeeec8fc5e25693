import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Layer, LayerInventory, Node } from '@shoal/api'
import { layerSpread, stretchCount } from '../../src/dashboard/layer-spread.ts'

const DIGEST = `sha256:${'a'.repeat(64)}`
const layer = { digest: DIGEST, sizeBytes: 1000, blockLengthBytes: 250 } as Layer

function node(
  id: string,
  rack: string,
  held: Partial<LayerInventory> | undefined,
  state: Node['state'] = 'ready',
): Node {
  const whole = {
    digest: DIGEST,
    state: 'complete',
    presentBytes: 1000,
    fromOriginBytes: 1,
    fromPeersBytes: 2,
    uploadedBytes: 3,
  }
  const layers = held === undefined ? [] : [{ ...whole, ...held }]
  return { id, zone: 'z', rack, state, inventory: { layers } } as unknown as Node
}

test('a spread shows who has which stretch, how many copies there are of each, and how far each rack is', () => {
  const nodes = [
    node('b', 'r2', { state: 'fetching', presentBytes: 400, map: 'f078' }),
    node('a', 'r1', {}),
    node('c', 'r1', { state: 'waiting', presentBytes: 0 }),
    node('d', 'r1', undefined),
    node('e', 'r2', { state: 'evicted' }),
  ]
  const spread = layerSpread(layer, nodes)
  assert.deepEqual(
    spread.nodes.map(({ node, map }) => [node, map]),
    [
      ['a', 'ffff'],
      ['c', ''],
      ['b', 'f078'],
    ],
  )
  assert.deepEqual(spread.copies, [2, 1, 1.47, 1.53])
  assert.deepEqual(
    spread.racks.map(({ rack, nodes, complete, presentBytes }) => [rack, nodes, complete, presentBytes]),
    [
      ['r1', 2, 1, 1000],
      ['r2', 1, 0, 400],
    ],
  )
})

test('what a lost node holds is no copy, and a map of another length is not counted', () => {
  const nodes = [node('a', '', {}, 'lost'), node('b', '', { state: 'fetching', map: 'ff' })]
  const { copies, nodes: rows } = layerSpread(layer, nodes)
  assert.deepEqual(copies, [0, 0, 0, 0])
  assert.equal(rows[0]?.state, 'lost')
})

test('a map has a stretch a block, up to a bound', () => {
  assert.equal(stretchCount(1000, 250), 4)
  assert.equal(stretchCount(1001, 250), 5)
  assert.equal(stretchCount(10 ** 9, 1), 128)
})
