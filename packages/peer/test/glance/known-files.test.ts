import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import type { Digest } from '@shoal/core'
import { createMemoryState } from '@shoal/state'
import { KnownFiles } from '../../src/glance/known-files.ts'

const LAYER: Digest = `sha256:${'1'.repeat(64)}`
const facts = (id: string, change = {}) => ({ id, sizeBytes: 10, osHashAlgo: 'sha512', osHashValue: 'ab', ...change })
const file = (image: string) => ({ image, layer: LAYER, sizeBytes: 10, osHashAlgo: 'sha512', osHashValue: 'AB' })

test('what the seed said of a file is known after a restart, for the very bytes that Glance speaks of', async () => {
  const state = createMemoryState()
  const first = new KnownFiles(state)
  await first.open()
  await first.learn(file('a'))
  const second = new KnownFiles(state)
  await second.open()
  for (const known of [first, second]) {
    equal(known.layerOf(facts('a')), LAYER)
    for (const other of [{ sizeBytes: 11 }, { osHashValue: 'cd' }, { osHashAlgo: 'md5' }]) {
      equal(known.layerOf(facts('a', other)), undefined)
    }
    equal(known.layerOf(facts('b')), undefined)
  }
})

test('only so many are remembered, the one that was spoken of last for longest', async () => {
  const state = createMemoryState()
  const known = new KnownFiles(state)
  await known.open()
  for (let image = 0; image < 1000; image += 1) await known.learn(file(`i${image}`))
  await known.learn(file('i0'))
  await known.learn(file('new'))
  deepEqual(
    [known.layerOf(facts('i0')), known.layerOf(facts('i1')), known.layerOf(facts('new'))],
    [LAYER, undefined, LAYER],
  )
  const stored = await Array.fromAsync(state.range({ prefix: 'peer/glance-file/' }))
  equal(stored.length, 1000)
})
