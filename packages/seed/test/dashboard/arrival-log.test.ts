import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ArrivalSample, Inventory, LayerArrivals, Node } from '@shoal/api'
import { ArrivalLog } from '../../src/dashboard/arrival-log.ts'
import { buildHeld, layerDigest } from '../nodes/known-layers.ts'

const [one, two] = [layerDigest(1), layerDigest(2)]

const came = (near: number, origin: number): LayerArrivals => ({
  racks: [],
  reasons: [
    { reason: 'near', pieces: near, bytes: near * 10 },
    { reason: 'origin', pieces: origin, bytes: origin * 10 },
  ],
})
const sample = (second: number, change: Partial<ArrivalSample> = {}): ArrivalSample => ({
  ...{ at: new Date(second * 1000).toISOString(), layer: one, piece: second, bytes: 10, source: 'b', zone: '' },
  ...{ rack: '', isOrigin: false, reason: 'near', tookMs: 5, ...change },
})

function build() {
  const node = (id: string, layers: Inventory['layers']) => ({ id, inventory: { layers } }) as Node
  const nodes = [
    node('a', [buildHeld(one, { arrivals: came(1, 5) }), buildHeld(two, { arrivals: came(0, 1) })]),
    node('b', [buildHeld(one, { arrivals: came(9, 0) }), buildHeld(two)]),
    { id: 'c', inventory: null } as Node,
  ]
  return new ArrivalLog({ registry: { list: () => nodes } })
}

test('reasons are added up over nodes and layers, or over those that are asked for, the most bytes first', () => {
  const log = build()
  const pieces = (query: { node?: string; layer?: string }) =>
    log.show(query).reasons.map(({ reason, pieces }) => [reason, pieces])
  assert.deepEqual(pieces({}), [
    ['near', 10],
    ['origin', 6],
  ])
  assert.deepEqual(pieces({ node: 'a' }), [
    ['origin', 6],
    ['near', 1],
  ])
  assert.deepEqual(pieces({ node: 'a', layer: two })[0], ['origin', 1])
  assert.deepEqual(pieces({ node: 'stranger' }), [])
})

test('samples are the newest that nodes told of, by node and by layer, and no more than are kept', () => {
  const log = build()
  log.note('a', {})
  log.note('a', { samples: [sample(1), sample(3, { layer: two })] })
  log.note('b', { samples: [sample(2)] })
  const pieces = (query: { node?: string; layer?: string }) => log.show(query).samples.map(({ piece }) => piece)
  assert.deepEqual(pieces({}), [3, 2, 1])
  assert.deepEqual(
    [pieces({ node: 'a' }), pieces({ layer: two }), pieces({ node: 'b', layer: two })],
    [[3, 1], [3], []],
  )
  for (let second = 4; second < 5000; second += 1) log.note('a', { samples: [sample(second)] })
  assert.deepEqual([log.show({}).samples.length, pieces({})[0]], [400, 4999])
})
