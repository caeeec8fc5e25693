import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Digest } from '@shoal/core'
import { DEFAULT_LAYER_TERMS, type LayerTerms } from '@shoal/swarm'
import { type Claim, ordinaryClaim } from '../../src/nodes/claims.ts'
import { type GivingTerms, OriginTerms, termsOfClaims } from '../../src/prefetch/layer-terms.ts'
import { buildLayerRecord, layerDigest } from '../nodes/known-layers.ts'

const [one, two] = [layerDigest(1), layerDigest(2)]
const claim = (priority: number, change: Partial<Claim> = {}): Claim => ({
  ...ordinaryClaim(priority, null),
  ...change,
})
const terms = (priority: number, wave = 0, weight = 10): GivingTerms => ({ priority, wave, weight })

it('a layer has the terms of its most urgent claim, one that rests only when all do', () => {
  const found = termsOfClaims(
    new Map([
      [
        'n1',
        new Map([
          [one, claim(10, { wave: 2 })],
          [two, claim(90, { limitBytesPerSecond: 0 })],
        ]),
      ],
      ['n2', new Map([[one, claim(20, { wave: 3, weight: 4 })]])],
      ['n3', new Map([[one, claim(20, { wave: 5 })]])],
      ['n4', new Map([[one, claim(99, { limitBytesPerSecond: 0 })]])],
    ]),
  )
  assert.deepEqual(Object.fromEntries(found), { [one]: terms(20, 3, 4), [two]: terms(90) })
})

function origin() {
  const told: [Digest, LayerTerms][] = []
  const swarm = { get: (layer: Digest) => ({ setTerms: (given: LayerTerms) => void told.push([layer, given]) }) }
  const catalogue = { layer: (layer: string) => buildLayerRecord(layer as Digest, { bootBytes: 7 }) }
  const deps = { swarm, catalogue } as unknown as ConstructorParameters<typeof OriginTerms>[0]
  return { origin: new OriginTerms(deps), take: () => told.splice(0) }
}

it('the origin is told what changes and nothing else, and the usual terms when no plan wants a layer any more', () => {
  const { origin: told, take } = origin()
  told.set([new Map([[one, terms(50)]])])
  const rest = { limitBytesPerSecond: null, bootBytes: 7, restWaits: false }
  assert.deepEqual(take(), [[one, { ...terms(50), ...rest }]])
  told.set([new Map([[one, terms(50)]])])
  assert.deepEqual(take(), [])
  told.set([new Map([[one, terms(50)]]), new Map([[two, terms(50, 1, 3)]])])
  assert.deepEqual(take(), [[two, { ...terms(50, 1, 3), ...rest }]])
  told.set([new Map([[one, terms(50, 0, 11)]]), new Map([[two, terms(50, 1, 3)]])])
  assert.deepEqual(take(), [[one, { ...terms(50, 0, 11), ...rest }]])
  told.set([new Map([[two, terms(50, 1, 3)]])])
  assert.deepEqual(take(), [[one, { ...DEFAULT_LAYER_TERMS, ...rest }]])
  told.set([])
  assert.deepEqual(
    take().map(([layer]) => layer),
    [two],
  )
  told.set([])
  assert.deepEqual(take(), [])
})

it('of several plans the most urgent says how a layer is given', () => {
  const { origin: told, take } = origin()
  told.set([new Map([[one, terms(50, 1)]]), new Map([[one, terms(80, 9)]]), new Map([[one, terms(80, 4)]])])
  const [[, given] = [one, DEFAULT_LAYER_TERMS]] = take()
  assert.deepEqual([given.priority, given.wave], [80, 4])
  told.set([new Map([[one, terms(50, 1)]])])
  assert.equal(take()[0]?.[1].priority, 50)
})
