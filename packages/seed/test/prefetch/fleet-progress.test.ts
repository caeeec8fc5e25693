import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { LayerInventory } from '@shoal/api'
import { FleetProgress } from '../../src/prefetch/fleet-progress.ts'
import type { SlowContext } from '../../src/prefetch/slow-reason.ts'
import { buildHeld, layerDigest } from '../nodes/known-layers.ts'

const layer = layerDigest(1)
const SIZE = 1_000_000
const context: SlowContext = {
  ...{
    isPaused: false,
    notBefore: null,
    ended: 'It had to make room.',
    toCome: new Set(),
    nodeLimit: () => null,
    medianRate: 0,
  },
}
const has = (presentBytes: number, change: Partial<LayerInventory> = {}) => {
  const state = presentBytes === SIZE ? 'complete' : 'fetching'
  return new Map([[layer, buildHeld(layer, { state, presentBytes, sizeBytes: SIZE, peers: 1, ...change })]])
}

/** The nodes have fetched at these rates for a minute. */
function build(rates: Record<string, number>): FleetProgress {
  const progress = new FleetProgress()
  const target = { layers: new Map([[layer, 1]]), vms: 2, predictedFinishMs: 60_000 }
  const targets = new Map(Object.keys(rates).map((node) => [node, target]))
  progress.setTargets(targets, { sizeOf: () => SIZE, bootBytesOf: () => 0 }, () => new Map(), 0)
  for (let second = 5; second <= 60; second += 5) {
    for (const [node, rate] of Object.entries(rates)) progress.report(node, has(rate * second), second * 1000)
  }
  return progress
}

it('counts nodes by state and adds up what they have', () => {
  const progress = build({ a: 1000, b: 2000, c: 0, d: 0, e: 0 })
  progress.report('b', has(SIZE), 61_000)
  progress.report('c', has(0, { state: 'waiting', peers: 0 }), 61_000)
  progress.report('d', has(0, { state: 'failed' }), 61_000)
  progress.setPresence('e', 'excluded')
  const { nodes, wantedBytes, presentBytes } = progress.summary(context, 61_000)
  assert.deepEqual(nodes, { total: 5, waiting: 1, fetching: 1, ready: 1, failed: 1, excluded: 1 })
  assert.deepEqual([wantedBytes, presentBytes], [5 * SIZE, SIZE + 60_000])
  assert.deepEqual(nodes, progress.counts())
})

it('says which nodes will be last, the slowest first, and when the last one is', () => {
  const progress = build({ fast: 8000, slow: 1000, middle: 4000 })
  const { slowest, estimatedFinishAt, bytesPerSecond } = progress.summary(context, 60_000)
  assert.deepEqual(
    slowest.map(({ node }) => node),
    ['slow', 'middle', 'fast'],
  )
  assert.equal(estimatedFinishAt, slowest[0]?.estimatedFinishAt)
  assert.ok(Math.abs(Date.parse(estimatedFinishAt ?? '') - 1_000_000) < 10_000, `${estimatedFinishAt}`)
  assert.ok(Math.abs(bytesPerSecond - 13_000) < 100)
  assert.ok(Math.abs(progress.medianRate() - 4000) < 50)
})

it('of those of which nothing is known the ones with the least come first, ten at most', () => {
  const progress = build(Object.fromEntries(Array.from({ length: 15 }, (_, index) => [`n${index}`, 0])))
  progress.report('n3', has(10), 60_000)
  const { slowest, estimatedFinishAt } = progress.summary(context, 60_000)
  assert.equal(slowest.length, 10)
  assert.ok(slowest.every(({ node }) => node !== 'n3'))
  assert.equal(estimatedFinishAt, null)
})

it('knows no time that no clock shows', () => {
  const huge = new FleetProgress()
  const targets = new Map([['a', { layers: new Map([[layer, 1]]), vms: 0, predictedFinishMs: 1e16 }]])
  huge.setTargets(targets, { sizeOf: () => 1e15, bootBytesOf: () => 0 }, () => new Map(), 0)
  huge.report('a', has(20), 5000)
  const [node] = huge.summary(context, 5000).slowest
  assert.ok((node?.bytesPerSecond ?? 0) > 0)
  assert.deepEqual([node?.estimatedFinishAt, node?.predictedFinishAt], [null, null])
})

it('a report says whether the state of the node is another now', () => {
  const progress = build({ a: 0 })
  assert.equal(progress.report('stranger', has(0), 61_000), undefined)
  assert.deepEqual(progress.report('a', has(1), 61_000), { isOther: false })
  assert.deepEqual(progress.report('a', has(SIZE), 62_000), { isOther: true })
  assert.deepEqual(progress.report('a', has(SIZE), 63_000), { isOther: false })
})

it('forgets nodes that are no longer wanted, and keeps since when others are ready', () => {
  const progress = build({ a: 0, b: 0 })
  progress.report('a', has(SIZE), 61_000)
  const target = { layers: new Map([[layer, 1]]), vms: 0, predictedFinishMs: null }
  progress.setTargets(new Map([['a', target]]), { sizeOf: () => SIZE, bootBytesOf: () => 0 }, () => has(SIZE), 99_000)
  assert.equal(progress.counts().total, 1)
  assert.equal(progress.node('a', context, 99_000).readyAt, new Date(61_000).toISOString())
})

it('presence is told when it changes, and one that is away has no rate', () => {
  const progress = build({ a: 1000 })
  assert.equal(progress.setPresence('a', 'here'), undefined)
  assert.equal(progress.setPresence('a', 'lost'), 'here')
  assert.equal(progress.setPresence('stranger', 'lost'), undefined)
  const { bytesPerSecond, estimatedFinishAt } = progress.summary(context, 60_000)
  assert.deepEqual([bytesPerSecond, estimatedFinishAt], [0, null])
})
