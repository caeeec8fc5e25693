import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Digest } from '@shoal/core'
import type { ImageRecord } from '../../src/images/image-record.ts'
import { wantedImages } from '../../src/nodes/wanted-images.ts'
import { buildLayerRecord, layerDigest } from './known-layers.ts'

const [own, base, middle, other] = [1, 2, 3, 4].map(layerDigest) as [Digest, Digest, Digest, Digest]

/** Two images: one with a file of its own and a chain of base and middle, one that is that base. */
const records = [
  { image: { id: 'layered' }, layer: own, chain: [base, middle], deletedAt: null },
  { image: { id: 'plain' }, layer: base, chain: null, deletedAt: null },
] as unknown as readonly ImageRecord[]
const catalogue = {
  layer: (digest: string) => buildLayerRecord(digest as Digest, digest === middle ? { parent: base } : {}),
  imagesOf: (digest: Digest) =>
    records.filter(({ layer, chain }) => [layer, ...(chain ?? [])].some((one) => one === digest)),
}
const wanted = (...assignments: { layer: string; owners: string[] }[]) =>
  wantedImages(assignments, { catalogue, unless: ['boot', 'file'] })

test('an image is wanted for its chain or for its own file, which is the first when both are', () => {
  assert.deepEqual(wanted({ layer: middle, owners: ['operator'] }), [{ image: 'layered', layers: [middle] }])
  assert.deepEqual(wanted({ layer: own, owners: ['plan-1'] }), [{ image: 'layered', layers: [own] }])
  const both = wanted({ layer: middle, owners: ['operator'] }, { layer: own, owners: ['operator'] })
  assert.deepEqual(both, [{ image: 'layered', layers: [own, middle] }])
})

test('a base stands for its image, unless its owner wants it only for the middle above it', () => {
  const above = { layer: middle, owners: ['plan-1'] }
  assert.deepEqual(wanted(above, { layer: base, owners: ['plan-1'] }), [{ image: 'layered', layers: [middle] }])
  assert.deepEqual(
    wanted(above, { layer: base, owners: ['plan-1', 'operator'] }).map(({ image }) => image),
    ['layered', 'plain'],
  )
  assert.deepEqual(wanted({ layer: base, owners: ['operator'] }), [{ image: 'plain', layers: [base] }])
})

test('what is served block by block or downloaded as a file is no disk to prepare; what nobody published has no image', () => {
  assert.deepEqual(wanted({ layer: base, owners: ['boot'] }, { layer: own, owners: ['file'] }), [])
  assert.deepEqual(wanted({ layer: own, owners: ['file', 'operator'] }), [{ image: 'layered', layers: [own] }])
  assert.deepEqual(wanted({ layer: other, owners: ['operator'] }), [])
})
