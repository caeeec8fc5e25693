import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { LayerInventory } from '@shoal/api'
import type { Digest } from '@shoal/core'
import { heldLayers, NodeProgress } from '../../src/prefetch/node-progress.ts'
import { buildHeld, layerDigest } from '../nodes/known-layers.ts'

const [one, two] = [layerDigest(1), layerDigest(2)]
const wanted: [Digest, number][] = [
  [one, 100],
  [two, 100],
]

function update(row: NodeProgress, nowMs: number, held: readonly LayerInventory[], ended: readonly Digest[] = []) {
  const isEnded = (layer: Digest) => ended.includes(layer)
  row.update(wanted, new Map(held.map((layer) => [layer.digest, layer])), { nowMs, isEnded })
}
const fetching = (digest: Digest, presentBytes: number, change: Partial<LayerInventory> = {}) =>
  buildHeld(digest, { state: 'fetching', presentBytes, peers: 3, ...change })

it('a node waits, fetches, and is ready when all is verified, since the first time', () => {
  const row = new NodeProgress()
  update(row, 0, [])
  assert.deepEqual([row.state, row.wantedBytes, row.presentBytes, [...row.missing]], ['waiting', 200, 0, [one, two]])
  update(row, 1000, [fetching(one, 100), buildHeld(two)])
  assert.equal(row.state, 'fetching', 'all bytes there, and not complete')
  assert.equal(row.presentBytes, 200)
  assert.equal(row.peers, 3)
  update(row, 2000, [buildHeld(one), buildHeld(two)])
  assert.deepEqual([row.state, row.readyAt, row.missing.size, row.bytesPerSecond], ['ready', 2000, 0, 0])
  update(row, 3000, [buildHeld(one), buildHeld(two)])
  assert.equal(row.readyAt, 2000)
  update(row, 4000, [buildHeld(one)])
  assert.deepEqual([row.state, row.readyAt], ['waiting', null])
})

it('more than is wanted of a layer does not count', () => {
  const row = new NodeProgress()
  update(row, 0, [fetching(one, 5000)])
  assert.equal(row.presentBytes, 100)
})

it('a failure holds from its first report until it is over', () => {
  const row = new NodeProgress()
  const error = { code: 'SHOAL_X', message: 'x', hint: 'y', details: {} }
  update(row, 1000, [buildHeld(one, { state: 'failed', presentBytes: 0, error })])
  assert.deepEqual([row.state, row.failedAt, row.error], ['failed', 1000, error])
  update(row, 2000, [buildHeld(one, { state: 'failed', presentBytes: 0, error })])
  assert.equal(row.failedAt, 1000)
  update(row, 3000, [fetching(one, 10)])
  assert.deepEqual([row.state, row.failedAt, row.error], ['fetching', null, null])
  update(row, 4000, [buildHeld(one, { state: 'failed', presentBytes: 10, error })])
  assert.equal(row.failedAt, 4000)
})

it('a node that had to evict something fails, also when it tells of it no more', () => {
  const row = new NodeProgress()
  update(row, 1000, [buildHeld(one), buildHeld(two, { state: 'evicted', presentBytes: 0 })])
  assert.deepEqual([row.state, row.failedAt], ['failed', 1000])
  update(row, 2000, [buildHeld(one)], [two])
  assert.deepEqual([row.state, row.failedAt], ['failed', 1000])
  update(row, 3000, [buildHeld(one), buildHeld(two)], [two])
  assert.equal(row.state, 'ready', 'what it has all the same is there')
})

it('a node that is excluded is told as such unless it is ready', () => {
  const row = new NodeProgress()
  update(row, 0, [])
  row.presence = 'excluded'
  assert.equal(row.state, 'excluded')
  update(row, 1, [buildHeld(one), buildHeld(two)])
  assert.equal(row.state, 'ready')
})

it('the rate follows what arrives within seconds, and dies away', () => {
  const row = new NodeProgress()
  const layer: [Digest, number][] = [[one, 1e9]]
  const at = (nowMs: number, presentBytes: number) => {
    const held = heldLayers(null)
    const has = new Map([...held, [one, fetching(one, presentBytes)]])
    row.update(layer, has, { nowMs, isEnded: () => false })
  }
  at(0, 5e6)
  assert.equal(row.bytesPerSecond, 0, 'what was there is no rate')
  for (let second = 5; second <= 40; second += 5) at(second * 1000, 5e6 + second * 1e6)
  assert.ok(Math.abs(row.bytesPerSecond - 1e6) < 5e4, `${row.bytesPerSecond}`)
  const left = row.remainingMs ?? 0
  assert.ok(Math.abs(left / (955e6 / row.bytesPerSecond / 1e-3) - 1) < 0.01, `${left}`)
  for (let second = 45; second <= 240; second += 5) at(second * 1000, 45e6)
  assert.deepEqual([row.bytesPerSecond, row.remainingMs], [0, null])
})

it('a node that loses bytes has no negative rate', () => {
  const row = new NodeProgress()
  update(row, 0, [fetching(one, 90)])
  update(row, 1000, [fetching(one, 10)])
  assert.equal(row.bytesPerSecond, 0)
})
