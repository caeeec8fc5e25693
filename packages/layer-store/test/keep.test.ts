import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { blockCount, silentLogger, systemClock } from '@shoal/core'
import { createLayerStore, type LayerStore, type StoredLayer } from '@shoal/layer-store'
import { createMemoryState, type StateStore } from '@shoal/state'
import { checkNothingBehind, checkSpace } from './check-space.ts'
import { blockSet, firstBlocks, layerFixture } from './layer-fixture.ts'

const fixture = layerFixture({ sizeBytes: 40 * 65_536 + 77, blockLengthBytes: 65_536 })
const { digest, sizeBytes } = fixture.manifest
const blocks = blockCount(fixture.manifest)

describe('a layer on disk of which a part stays', () => {
  let directory: string
  let state: StateStore
  let store: LayerStore
  let layer: StoredLayer

  const deps = { logger: silentLogger, clock: systemClock }
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'shoal-trim-'))
    state = createMemoryState()
    store = createLayerStore({ ...deps, state }, { directory })
    await store.open()
    layer = await store.create(fixture)
    await layer.writeBlocks(0, fixture.content)
    await layer.flush()
  })
  afterEach(async () => {
    await store.close()
    await rm(directory, { recursive: true, force: true })
  })

  test('gives its space back, keeps its length, and is the same after a restart', async () => {
    const before = await store.usage()
    await layer.keep(firstBlocks(layer, 10))
    const after = await store.usage()
    assert.ok(before.allocatedBytes - after.allocatedBytes >= sizeBytes - 11 * 65_536)
    await checkSpace(store, directory)
    await checkNothingBehind(store)
    const file = await readFile(layer.path)
    assert.deepEqual(file, Buffer.concat([fixture.block(0, 10)], sizeBytes))
    await store.close()
    store = createLayerStore({ ...deps, state }, { directory })
    await store.open()
    assert.deepEqual(
      [...(store.get(digest)?.present.ones() ?? [])],
      Array.from({ length: 10 }, (_, n) => n),
    )
    await checkSpace(store, directory)
  })

  test('wherever that part is: what lies between is given back, reads as zeros, and is the only thing to be written again', async () => {
    const wanted = [1, 2, 7, 20, 21, 22, 33]
    await layer.keep(blockSet(layer, wanted))
    assert.deepEqual([...layer.present.ones()], wanted)
    const { blocks: sectors, blksize } = await stat(layer.path)
    assert.ok(sectors * 512 <= wanted.length * 65_536 + blksize, `${sectors * 512}`)
    const expected = Buffer.alloc(sizeBytes)
    for (const block of wanted) fixture.block(block).copy(expected, block * 65_536)
    assert.deepEqual(await readFile(layer.path), expected)
    assert.deepEqual(await layer.verify(), { checkedBlocks: wanted.length, badBlocks: [], digestMatches: null })
    await checkSpace(store, directory)
    await store.close()
    store = createLayerStore({ ...deps, state }, { directory })
    await store.open()
    const again = store.get(digest)
    assert.deepEqual([...(again?.present.ones() ?? [])], wanted)
    for (const block of again?.present.zeros() ?? []) await again?.writeBlocks(block, fixture.block(block))
    assert.equal((await again?.verify())?.digestMatches, true)
  })

  test('while it is checked: what went is not bad, and the check says nothing of the whole', async () => {
    const kept = layer.keep(firstBlocks(layer, 10))
    // The check begins before the first block goes.
    const checked = layer.verify()
    assert.equal(layer.isComplete, true)
    await kept
    assert.deepEqual(await checked, { checkedBlocks: 10, badBlocks: [], digestMatches: null })
    assert.equal(layer.present.count, 10)
  })

  test('while it is checked: a block that came again is not taken for the one that went', async () => {
    const kept = layer.keep(firstBlocks(layer, 10))
    const checked = layer.verify()
    await kept
    await layer.writeBlocks(10, fixture.block(10, blocks))
    assert.deepEqual((await checked).badBlocks, [])
    assert.equal(layer.isComplete, true)
    assert.equal((await layer.verify()).digestMatches, true)
  })

  test('and is adopted over, is whole', async () => {
    await layer.keep(firstBlocks(layer, 1))
    const staged = store.stagingPath('import-1')
    await writeFile(staged, fixture.content)
    assert.equal(await store.adopt(fixture, staged), layer)
    assert.equal((await layer.verify()).digestMatches, true)
    assert.equal((await stat(layer.path)).size, sizeBytes)
  })
})
