import assert from 'node:assert/strict'
import { it } from 'node:test'
import { ManualClock } from '@shoal/core'
import { createMemoryState } from '@shoal/state'
import type { BootProfiles } from '../../src/boot-profiles/boot-profiles.ts'
import { Holdings } from '../../src/nodes/holdings.ts'
import { layerFacts } from '../../src/nodes/layer-facts.ts'
import { Popularity } from '../../src/nodes/popularity.ts'
import { buildHeld, buildLayerRecord, knownLayers, layerDigest } from './known-layers.ts'

const PROFILED = layerDigest(3)
/** Many times what it takes, and far from what a look at every holder of every layer would take. */
const MOST_MS = 10

function fleetOf(layers: number) {
  const digests = Array.from({ length: layers }, (_, number) => layerDigest(number))
  const catalogue = knownLayers(digests)
  const popularity = new Popularity({ state: createMemoryState(), clock: new ManualClock(1000), catalogue })
  const profiles: Pick<BootProfiles, 'ofLayer'> = {
    ofLayer: (layer) => (layer === PROFILED ? { image: 'web', revision: 7, bytes: 30 } : undefined),
  }
  return { digests, catalogue, popularity, profiles, registry: new Holdings() }
}

it('says of every layer that is known how much it is used, where else it is, and what a boot reads', () => {
  const { digests, ...fleet } = fleetOf(2)
  const [often = layerDigest(0), rare = layerDigest(1)] = digests
  fleet.catalogue.layers.set(often, buildLayerRecord(often, { bootBytes: 40 }))
  fleet.popularity.add([
    { layer: often, uses: 9 },
    { layer: rare, uses: 1 },
  ])
  for (const [node, rack] of [
    ['n1', 'r1'],
    ['n2', 'r1'],
    ['n3', 'r2'],
  ] as const) {
    fleet.registry.locate(node, { zone: 'z1', rack })
    fleet.registry.put(node, [buildHeld(often)])
  }
  const unknown = layerDigest(9)
  const evicted = buildHeld(rare, { state: 'evicted', presentBytes: 0 })
  const facts = layerFacts('n1', { layers: [buildHeld(often), buildHeld(unknown), evicted] }, fleet)
  assert.deepEqual(
    facts.map(({ useShare: _, ...rest }) => rest),
    [
      { layer: often, replicas: { rack: 1, zone: 1, elsewhere: 0 }, bootBytes: 40 },
      { layer: rare, replicas: { rack: 0, zone: 0, elsewhere: 0 }, bootBytes: 0 },
    ],
  )
  const [first, second] = facts.map(({ useShare }) => useShare)
  assert.ok(first !== undefined && second !== undefined && first > 0.5 && first <= 1 && second > 0 && second < 0.3)
})

it('says by which profile a boot reads a layer that does not begin with that', () => {
  const fleet = fleetOf(4)
  fleet.catalogue.layers.set(layerDigest(1), buildLayerRecord(layerDigest(1), { bootBytes: 40 }))
  const layers = [layerDigest(0), layerDigest(1), PROFILED].map((digest) => buildHeld(digest))
  assert.deepEqual(
    layerFacts('n1', { layers }, fleet).map(({ bootBytes, bootProfile }) => [bootBytes, bootProfile]),
    [
      [0, undefined],
      [40, undefined],
      [30, { image: 'web', revision: 7 }],
    ],
  )
})

it('costs a node what it holds, however many nodes hold the same', () => {
  const { digests, ...fleet } = fleetOf(60)
  const layers = digests.slice(0, 50).map((digest) => buildHeld(digest))
  const nodes = Array.from({ length: 2000 }, (_, number) => `n${number}`)
  for (const [number, node] of nodes.entries()) {
    fleet.registry.locate(node, { zone: `z${number % 4}`, rack: `r${number % 50}` })
    fleet.registry.put(node, layers)
  }
  fleet.popularity.add(digests.map((layer, number) => ({ layer, uses: number + 1 })))
  const begin = performance.now()
  for (const node of nodes) {
    fleet.registry.put(node, layers)
    assert.equal(layerFacts(node, { layers }, fleet).length, 50)
  }
  const eachMs = (performance.now() - begin) / nodes.length
  assert.ok(eachMs < MOST_MS, `${eachMs.toFixed(3)} ms each`)
})
