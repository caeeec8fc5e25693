import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Layer, LayerInventory, Node, NodeMode } from '@shoal/api'
import { layerSpread, stretchCount } from '../../src/dashboard/layer-spread.ts'

const DIGEST = `sha256:${'a'.repeat(64)}`
const layer = { digest: DIGEST, sizeBytes: 1000, blockLengthBytes: 250 } as Layer

function node(
  id: string,
  rack: string,
  held: Partial<LayerInventory> | undefined,
  state: Node['state'] = 'ready',
  mode: NodeMode = 'active',
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
  return { id, zone: 'z', rack, state, mode: { mode }, inventory: { layers } } as unknown as Node
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

test('what a node in quarantine holds is no copy; what one that drains holds is', () => {
  const nodes = [node('a', 'r1', {}, 'ready', 'quarantined'), node('b', 'r1', {}, 'ready', 'draining')]
  const { copies, racks } = layerSpread(layer, nodes)
  assert.deepEqual(copies, [1, 1, 1, 1])
  assert.deepEqual([racks[0]?.nodes, racks[0]?.complete], [2, 1])
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

test('flows are added up from rack to rack and from the seed, rates without nodes that are lost', () => {
  const from = (rack: string, bytes: number) => ({ zone: 'z', rack, bytes })
  const arrivals = (...racks: ReturnType<typeof from>[]) => {
    return { racks, reasons: [{ reason: 'near' as const, pieces: 1, bytes: 10 }] }
  }
  const rate = (rack: string, bytesPerSecond: number, other: object = {}) => {
    return { layer: DIGEST, zone: 'z', rack, isOrigin: false, bytesPerSecond, ...other }
  }
  const withFlows = (one: Node, ...flows: ReturnType<typeof rate>[]) => {
    return { ...one, inventory: { ...one.inventory, flows } } as Node
  }
  const nodes = [
    withFlows(
      node('a', 'r1', { fromOriginBytes: 7, arrivals: arrivals(from('r1', 1), from('r2', 20)) }),
      ...[rate('r2', 3), rate('', 5, { zone: '', isOrigin: true }), rate('r2', 100, { layer: 'another' })],
    ),
    withFlows(node('b', 'r1', { fromOriginBytes: 0, arrivals: arrivals(from('r2', 30)) }), rate('r2', 4)),
    withFlows(node('c', 'r2', { fromOriginBytes: 0, arrivals: arrivals(from('r1', 40)) }, 'lost'), rate('r1', 9)),
  ]
  const { flows, reasons } = layerSpread(layer, nodes)
  assert.deepEqual(
    flows.map(({ from: { rack }, isOrigin, rack: to, bytes, bytesPerSecond }) => {
      return [isOrigin ? 'seed' : rack, to, bytes, bytesPerSecond]
    }),
    [
      ['r2', 'r1', 50, 7],
      ['seed', 'r1', 7, 5],
      ['r1', 'r2', 40, 0],
      ['r1', 'r1', 1, 0],
    ],
  )
  assert.deepEqual(reasons, [{ reason: 'near', pieces: 3, bytes: 30 }])
})
