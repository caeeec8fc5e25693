import assert from 'node:assert/strict'
import { it } from 'node:test'
import { LAYER_STATES, type LayerInventory, type Replicas } from '@shoal/api'
import fc from 'fast-check'
import { Holdings } from '../../src/nodes/holdings.ts'
import type { Place } from '../../src/nodes/replica-counts.ts'
import { buildHeld, layerDigest } from './known-layers.ts'

const NODES = ['n1', 'n2', 'n3', 'n4', 'n5']
const LAYERS = [1, 2, 3].map(layerDigest)

type Held = Pick<LayerInventory, 'digest' | 'state' | 'presentBytes'>

function inventory(held: readonly Held[]): LayerInventory[] {
  return held.map(({ digest, ...rest }) => buildHeld(digest, rest))
}

/** What is known of the fleet, with no thought for the cost of an answer. */
class PlainFleet {
  readonly places = new Map<string, Place>()
  readonly held = new Map<string, readonly Held[]>()

  replicas(layer: string, node: string): Replicas {
    const own = this.places.get(node)
    const found = { rack: 0, zone: 0, elsewhere: 0 }
    for (const [other, place] of this.places) {
      const has = this.held.get(other)?.some(({ digest, state }) => digest === layer && state === 'complete')
      if (other === node || !has) continue
      if (place.zone !== own?.zone) found.elsewhere += 1
      else found[place.rack === own.rack ? 'rack' : 'zone'] += 1
    }
    return found
  }

  count(layer: string): { complete: number; partial: number } {
    const all = [...this.held.values()].flat().filter(({ digest }) => digest === layer)
    const complete = all.filter(({ state }) => state === 'complete').length
    const isPartial = ({ state, presentBytes }: Held) => !['complete', 'evicted'].includes(state) && presentBytes > 0
    return { complete, partial: all.filter(isPartial).length }
  }
}

it('counts what a recount of the whole fleet counts, whatever nodes tell, wherever they move or are lost', () => {
  const node = fc.constantFrom(...NODES)
  const held = fc.uniqueArray(
    fc.record({
      digest: fc.constantFrom(...LAYERS),
      state: fc.constantFrom(...LAYER_STATES),
      presentBytes: fc.constantFrom(0, 50, 100),
    }),
    { selector: ({ digest }) => digest },
  )
  // The same name of a rack in two zones, and zones that nobody named.
  const place = fc.record({ zone: fc.constantFrom('', 'z1', 'z2'), rack: fc.constantFrom('', 'r1', 'r2') })
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ type: fc.constant('put' as const), node, held }) },
    { weight: 3, arbitrary: fc.record({ type: fc.constant('locate' as const), node, place }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constantFrom('lose' as const, 'remove' as const), node }) },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const holdings = new Holdings()
      const fleet = new PlainFleet()
      for (const step of steps) {
        if (step.type === 'put') {
          holdings.put(step.node, inventory(step.held))
          fleet.held.set(step.node, step.held)
        } else if (step.type === 'locate') {
          holdings.locate(step.node, step.place)
          fleet.places.set(step.node, step.place)
        } else if (step.type === 'lose') {
          holdings.locate(step.node, undefined)
          fleet.places.delete(step.node)
        } else {
          holdings.remove(step.node)
          fleet.places.delete(step.node)
          fleet.held.delete(step.node)
        }
        for (const layer of LAYERS) {
          assert.deepEqual(holdings.count(layer), fleet.count(layer))
          for (const name of NODES) assert.deepEqual(holdings.replicas(layer, name), fleet.replicas(layer, name))
        }
      }
    }),
    { numRuns: 300 },
  )
})

it('holds nothing of an evicted layer, be the part for a boot still there', () => {
  const holdings = new Holdings()
  const layer = layerDigest(1)
  holdings.locate('n1', { zone: 'z1', rack: 'r1' })
  holdings.put('n1', inventory([{ digest: layer, state: 'complete', presentBytes: 100 }]))
  assert.deepEqual(holdings.replicas(layer, 'n2'), { rack: 0, zone: 0, elsewhere: 1 })
  holdings.put('n1', inventory([{ digest: layer, state: 'evicted', presentBytes: 40 }]))
  assert.deepEqual([...holdings.of(layer)], [])
  assert.deepEqual(holdings.count(layer), { complete: 0, partial: 0 })
  assert.deepEqual(holdings.replicas(layer, 'n2'), { rack: 0, zone: 0, elsewhere: 0 })
})
