import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { evictionOrder } from '../../src/cache/eviction-order.ts'
import { digestOf } from '../builders.ts'
import { buildCacheLayer, buildPin } from './build-cache.ts'

const names = ['aaaaaaaa', 'bbbbbbbb', 'cccccccc', 'dddddddd', 'eeeeeeee']

/** Layers, each on none or on any other, even in a circle, which no answer of a peer may turn into a loop here. */
const caches = fc.array(
  fc.record({ parent: fc.constantFrom(null, ...names), pinned: fc.boolean(), isBusy: fc.boolean() }),
  {
    minLength: names.length,
    maxLength: names.length,
  },
)

it('what goes has the places from 1 on; what is held and all below it has none', () => {
  fc.assert(
    fc.property(caches, (facts) => {
      const layers = facts.map(({ parent, pinned, isBusy }, index) =>
        buildCacheLayer(names[index] ?? '', {
          parent: parent === null ? null : digestOf(parent),
          pins: pinned ? [buildPin()] : [],
          isBusy,
        }),
      )
      const order = evictionOrder(layers)
      assert.deepEqual(
        [...order.values()],
        [...order].map((_, index) => index + 1),
      )
      assert.deepEqual(
        [...order.keys()],
        layers.map(({ layer }) => layer).filter((layer) => order.has(layer)),
      )
      for (const { layer, parent, pins, isBusy } of layers) {
        if (pins.length > 0 || isBusy) assert.ok(!order.has(layer))
        if (parent !== null && !order.has(layer)) assert.ok(!order.has(parent))
        const isFree = pins.length === 0 && !isBusy && !layers.some((above) => above.parent === layer)
        if (isFree) assert.ok(order.has(layer))
      }
    }),
  )
})
