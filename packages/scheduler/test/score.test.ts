import assert from 'node:assert/strict'
import { test } from 'node:test'
import { busyShare, fullLayerCost, type LayerOnNode, layerCost, nodeScore, SOURCE_PRICES } from '@shoal/scheduler'
import fc from 'fast-check'

const MIB = 1024 ** 2
const layer: LayerOnNode = {
  sizeBytes: 1000 * MIB,
  bootBytes: 100 * MIB,
  heldBytes: 0,
  isComing: false,
  nearest: 'seed',
}
const idle = { arrivingLayers: 0, downShare: 0, upShare: 0, diskShare: 0.5 }

test('a layer that is all there costs nothing, one that only the seed has costs the most', () => {
  assert.equal(layerCost({ ...layer, heldBytes: layer.sizeBytes }), 0)
  assert.equal(layerCost(layer), fullLayerCost(layer))
})

test('what a boot reads counts three times, so that the first tenth of the bytes saves a quarter of the cost', () => {
  const saved = 1 - layerCost({ ...layer, heldBytes: layer.bootBytes }) / fullLayerCost(layer)
  assert.ok(Math.abs(saved - 0.25) < 1e-9)
})

test('bytes are the cheaper the nearer they are, and half of a layer here beats all of it next door', () => {
  const costs = (['rack', 'zone', 'elsewhere', 'seed'] as const).map((nearest) => layerCost({ ...layer, nearest }))
  assert.deepEqual(
    costs,
    costs.toSorted((a, b) => a - b),
  )
  const half = layerCost({ ...layer, heldBytes: 500 * MIB })
  assert.ok(half < layerCost({ ...layer, nearest: 'rack' }))
})

test('bytes on their way cost less than any that nobody asked for yet, and more than none', () => {
  const coming = layerCost({ ...layer, isComing: true })
  assert.ok(coming > 0)
  assert.ok(coming < layerCost({ ...layer, nearest: 'rack' }))
})

test('a node is as busy as the scarcest of what it has', () => {
  assert.equal(busyShare(idle), 0)
  assert.equal(busyShare({ ...idle, arrivingLayers: 5 }), 0.5)
  assert.equal(busyShare({ ...idle, arrivingLayers: 5, downShare: 0.75 }), 0.75)
  assert.equal(busyShare({ ...idle, upShare: 1 }), 0.5)
  assert.equal(busyShare({ ...idle, diskShare: 1 }), 0.5)
  assert.equal(busyShare({ ...idle, arrivingLayers: 1000 }), 1)
})

test('a busy node with all of an image comes before an idle one with less than half of it', () => {
  assert.ok(nodeScore(0, 100, 1) > nodeScore(51, 100, 0))
  assert.ok(nodeScore(0, 100, 0.5) < nodeScore(0, 100, 0))
})

test('a score is between 0 and 1, and more bytes never lower it', () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true })
  const nearest = fc.constantFrom(...(Object.keys(SOURCE_PRICES) as (keyof typeof SOURCE_PRICES)[]))
  fc.assert(
    fc.property(share, share, share, share, fc.boolean(), nearest, (boot, held, more, busy, isComing, near) => {
      const [sizeBytes, heldBytes] = [1000, Math.floor(held * 1000)]
      const here = { sizeBytes, bootBytes: boot * 1000, heldBytes, isComing, nearest: near }
      const full = fullLayerCost(here)
      const score = nodeScore(layerCost(here), full, busy)
      const heldMore = Math.floor(heldBytes + more * (sizeBytes - heldBytes))
      assert.ok(score >= 0 && score <= 1)
      assert.ok(nodeScore(layerCost({ ...here, heldBytes: heldMore }), full, busy) >= score - 1e-12)
    }),
  )
})
