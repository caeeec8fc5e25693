import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createMemoryState } from '@shoal/state'
import { Catalogue } from '../../src/images/catalogue.ts'
import { buildLayerRecord, layerDigest } from '../nodes/known-layers.ts'

it('keeps what a boot reads of a layer, and reads records of before that was known', async () => {
  const state = createMemoryState()
  const [old, recent] = [layerDigest(1), layerDigest(2)]
  const { bootBytes: _, ...record } = buildLayerRecord(old)
  await state.put(`seed/layer/${old}`, record)
  const before = new Catalogue(state)
  await before.open()
  await state.batch([before.putLayer(buildLayerRecord(recent, { bootBytes: 40 }))])
  const after = new Catalogue(state)
  await after.open()
  assert.deepEqual([after.layer(old)?.bootBytes, after.layer(recent)?.bootBytes], [0, 40])
  assert.equal(after.layer(old)?.infoHash, record.infoHash)
})
