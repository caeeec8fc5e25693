import assert from 'node:assert/strict'
import { access, writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { Bitfield, type BlockBuffer, blockCount, blockSize } from '@shoal/core'
import type { LayerStore, StoredLayer } from '@shoal/layer-store'
import { blockSet, firstBlocks, layerFixture } from './layer-fixture.ts'

/** What every layer store must do. `make` gives a fresh, empty store that is not open; the suite closes it. */
export function layerStoreConformance(name: string, make: () => Promise<LayerStore>): void {
  describe(`${name} as a layer store`, () => {
    const fixture = layerFixture()
    const { digest, sizeBytes } = fixture.manifest
    const blocks = blockCount(fixture.manifest)
    let store: LayerStore
    let layer: StoredLayer

    beforeEach(async () => {
      store = await make()
      await store.open()
      await store.open()
      layer = await store.create(fixture)
    })
    afterEach(async () => {
      await store.close()
    })

    test('a new layer is empty and is found by its digest', () => {
      assert.equal(store.get(digest), layer)
      assert.deepEqual(store.layers(), [layer])
      assert.deepEqual(store.foreign(), [])
      assert.deepEqual(layer.manifest, fixture.manifest)
      assert.deepEqual(Buffer.from(layer.encodedManifest), Buffer.from(fixture.encodedManifest))
      assert.deepEqual(Buffer.from(layer.torrent), Buffer.from(fixture.torrent))
      assert.equal(layer.present.length, blocks)
      assert.deepEqual(
        [layer.present.count, layer.presentBytes, layer.durableBlocks, layer.isComplete],
        [0, 0, 0, false],
      )
      assert.equal(store.get(layerFixture({ seed: 2 }).manifest.digest), undefined)
    })

    test('creating twice, and at the same time, gives the same layer', async () => {
      await layer.writeBlocks(0, fixture.block(0))
      const [again, once] = await Promise.all([store.create(fixture), store.create(fixture)])
      assert.equal(again, layer)
      assert.equal(once, layer)
      assert.equal(again.present.count, 1)
    })

    test('a manifest whose hashes do not fit its size is a TypeError', async () => {
      const other = layerFixture({ seed: 3 })
      const manifest = { ...other.manifest, blockHashes: other.manifest.blockHashes.subarray(32) }
      await assert.rejects(() => store.create({ ...other, manifest }), TypeError)
      assert.equal(store.get(manifest.digest), undefined)
    })

    test('blocks are written singly and in runs, in any order, and read across their borders', async () => {
      await layer.writeBlocks(blocks - 1, fixture.block(blocks - 1))
      await layer.writeBlocks(2, fixture.block(2, 5))
      assert.deepEqual([...layer.present.ones()], [2, 3, 4, blocks - 1])
      assert.equal(layer.presentBytes, 3 * 4096 + blockSize(fixture.manifest, blocks - 1))
      const start = 2 * 4096 + 10
      assert.deepEqual(await layer.read(start, 9000), fixture.content.subarray(start, start + 9000))
      assert.deepEqual(await layer.read(sizeBytes - 7, 7), fixture.content.subarray(-7))
      await layer.writeBlocks(0, fixture.content)
      assert.equal(layer.isComplete, true)
      assert.equal(layer.presentBytes, sizeBytes)
      assert.deepEqual(await layer.read(0, sizeBytes), fixture.content)
    })

    test('a block with the wrong bytes is refused and nothing of its call counts', async () => {
      const data = Buffer.from(fixture.block(1, 5))
      data[2 * 4096] = (data[2 * 4096] ?? 0) ^ 1
      const mismatch = { code: 'SHOAL_STORE_BLOCK_MISMATCH', details: { digest, block: 3 } }
      await assert.rejects(() => layer.writeBlocks(1, data), mismatch)
      assert.equal(layer.present.count, 0)
      await assert.rejects(() => layer.read(4096, 1), {
        code: 'SHOAL_STORE_BLOCK_ABSENT',
        details: { digest, block: 1 },
      })
      await layer.writeBlocks(1, fixture.block(1, 5))
      assert.equal(layer.present.count, 4)
    })

    test('a block that is present is skipped: wrong bytes for it change nothing', async () => {
      await layer.writeBlocks(1, fixture.block(1))
      const data = Buffer.concat([Buffer.alloc(4096), fixture.block(2)])
      await layer.writeBlocks(1, data)
      assert.deepEqual(await layer.read(4096, 8192), fixture.block(1, 3))
    })

    test('concurrent writers of the same blocks all succeed and count once', async () => {
      await Promise.all(Array.from({ length: 8 }, (_, n) => layer.writeBlocks(n % 3, fixture.block(n % 3, 6))))
      assert.deepEqual([...layer.present.ones()], [0, 1, 2, 3, 4, 5])
      assert.equal(layer.presentBytes, 6 * 4096)
      assert.deepEqual(await layer.read(0, 6 * 4096), fixture.block(0, 6))
    })

    test('a block is written from a buffer and read into one', async () => {
      for (const block of [blocks - 1, 0]) {
        const buffer = filled(store, fixture.block(block))
        await layer.writeBlock(block, buffer)
        buffer.release()
      }
      assert.deepEqual([...layer.present.ones()], [0, blocks - 1])
      assert.equal(layer.presentBytes, 4096 + blockSize(fixture.manifest, blocks - 1))
      useUp(store)
      for (const block of [0, blocks - 1]) {
        const buffer = await layer.readBlock(block)
        assert.deepEqual(buffer.payload(fixture.block(block).length), fixture.block(block))
        buffer.release()
      }
      assert.deepEqual(await layer.read(sizeBytes - 7, 7), fixture.content.subarray(-7))
      assert.equal(store.buffers.usedCount, 0)
    })

    test('a block that was just written or read is given at once, to several at a time', async () => {
      const buffer = filled(store, fixture.block(1))
      await layer.writeBlock(1, buffer)
      assert.equal(layer.readBlock(1), buffer)
      assert.equal(layer.readBlock(1), buffer)
      for (let users = 0; users < 3; users += 1) buffer.release()
      useUp(store)
      const [one, two] = await Promise.all([layer.readBlock(1), layer.readBlock(1)])
      assert.equal(one, two)
      assert.equal(layer.readBlock(1), one)
      for (let users = 0; users < 3; users += 1) one.release()
      assert.equal(store.buffers.usedCount, 0)
    })

    test('a buffer with wrong bytes is refused and is not found as the block', async () => {
      const buffer = filled(store, fixture.block(2))
      const mismatch = { code: 'SHOAL_STORE_BLOCK_MISMATCH', details: { digest, block: 3 } }
      await assert.rejects(() => layer.writeBlock(3, buffer), mismatch)
      assert.equal(layer.present.count, 0)
      await assert.rejects(async () => layer.readBlock(3), { code: 'SHOAL_STORE_BLOCK_ABSENT' })
      // Present blocks are skipped without a look at the bytes, which therefore must not be taken for them.
      await layer.writeBlocks(3, fixture.block(3))
      await layer.writeBlock(3, buffer)
      buffer.release()
      const read = await layer.readBlock(3)
      assert.deepEqual(read.payload(4096), fixture.block(3))
      read.release()
    })

    test('reading a block waits until a buffer is free', async () => {
      await layer.writeBlocks(0, fixture.block(0, 2))
      const all = useUp(store, { release: false })
      const reading = [layer.readBlock(0), layer.readBlock(1), layer.readBlock(0)]
      let read = 0
      for (const promise of reading) void Promise.resolve(promise).then(() => (read += 1))
      await new Promise((resolve) => setImmediate(resolve))
      assert.equal(read, 0)
      for (const buffer of all.splice(0, 2)) buffer.release()
      for (const buffer of await Promise.all(reading)) buffer.release()
      for (const buffer of all) buffer.release()
      assert.equal(store.buffers.usedCount, 0)
    })

    test('a block outside the layer is a RangeError', async () => {
      const buffer = filled(store, fixture.block(0))
      for (const block of [-1, 0.5, blocks, Number.NaN]) {
        await assert.rejects(() => layer.writeBlock(block, buffer), RangeError)
        await assert.rejects(async () => layer.readBlock(block), RangeError)
      }
      buffer.release()
    })

    test('what is not whole blocks within the layer is a RangeError', async () => {
      const cases: [number, Buffer][] = [
        [0, Buffer.alloc(0)],
        [0, fixture.block(0).subarray(1)],
        [0, Buffer.alloc(4097)],
        [-1, fixture.block(0)],
        [0.5, fixture.block(0)],
        [blocks - 1, fixture.block(0)],
        [blocks, fixture.block(0)],
        [0, Buffer.concat([fixture.content, Buffer.alloc(4096)])],
      ]
      for (const [first, data] of cases) await assert.rejects(() => layer.writeBlocks(first, data), RangeError)
      for (const [offset, length] of [
        [-1, 1],
        [0, sizeBytes + 1],
        [sizeBytes, 1],
        [0.5, 1],
        [0, -1],
        [0, Number.NaN],
      ]) {
        await assert.rejects(() => layer.read(offset ?? 0, length ?? 0), RangeError)
      }
      assert.equal((await layer.read(sizeBytes, 0)).length, 0)
      assert.equal((await layer.read(5, 0)).length, 0)
    })

    test('a read that touches an absent block names the first of them', async () => {
      await layer.writeBlocks(0, fixture.block(0, 2))
      await assert.rejects(() => layer.read(8191, 2), {
        code: 'SHOAL_STORE_BLOCK_ABSENT',
        details: { digest, block: 2 },
      })
      assert.equal((await layer.read(8191, 1)).length, 1)
    })

    test('flush makes durable what is present', async () => {
      await layer.writeBlocks(3, fixture.block(3, 6))
      await Promise.all([layer.flush(), layer.flush()])
      assert.equal(layer.durableBlocks, 3)
    })

    test('verify finds nothing wrong with a sound layer, whole or in part', async () => {
      assert.deepEqual(await layer.verify(), { checkedBlocks: 0, badBlocks: [], digestMatches: null })
      await layer.writeBlocks(1, fixture.block(1, 3))
      assert.deepEqual(await layer.verify(), { checkedBlocks: 2, badBlocks: [], digestMatches: null })
      await layer.writeBlocks(0, fixture.content)
      const progress: number[] = []
      const result = await layer.verify({ onProgress: (checkedBytes) => progress.push(checkedBytes) })
      assert.deepEqual(result, { checkedBlocks: blocks, badBlocks: [], digestMatches: true })
      assert.equal(progress.at(-1), sizeBytes)
    })

    test('verify of a range looks at nothing else, and says nothing of the whole', async () => {
      await layer.writeBlocks(0, fixture.content)
      const progress: number[] = []
      const some = await layer.verify({
        range: { firstBlock: blocks - 3, blocks: 3 },
        onProgress: (checkedBytes) => progress.push(checkedBytes),
      })
      assert.deepEqual(some, { checkedBlocks: 3, badBlocks: [], digestMatches: null })
      assert.equal(progress.at(-1), fixture.block(blocks - 3, blocks).length)
      const all = await layer.verify({ range: { firstBlock: 0, blocks } })
      assert.deepEqual(all, { checkedBlocks: blocks, badBlocks: [], digestMatches: null })
      const none = await layer.verify({ range: { firstBlock: blocks, blocks: 0 } })
      assert.deepEqual(none, { checkedBlocks: 0, badBlocks: [], digestMatches: null })
      for (const [firstBlock, count] of [
        [-1, 1],
        [0.5, 1],
        [0, -1],
        [1, blocks],
        [0, Number.NaN],
      ] as const) {
        await assert.rejects(() => layer.verify({ range: { firstBlock, blocks: count } }), RangeError)
      }
    })

    test('verify stops when it is aborted', async () => {
      await layer.writeBlocks(0, fixture.content)
      const reason = new Error('enough')
      await assert.rejects(() => layer.verify({ signal: AbortSignal.abort(reason) }), reason)
    })

    test('a layer of which the first blocks stay has these, is found so by every way to ask, and is completed again', async () => {
      await layer.writeBlocks(0, fixture.content)
      const kept = await layer.readBlock(6)
      kept.release()
      await layer.keep(firstBlocks(layer, 3))
      assert.deepEqual([...layer.present.ones()], [0, 1, 2])
      assert.deepEqual([layer.presentBytes, layer.durableBlocks, layer.isComplete], [3 * 4096, 3, false])
      assert.deepEqual(await layer.read(0, 3 * 4096), fixture.block(0, 3))
      for (const block of [3, 6]) {
        const absent = { code: 'SHOAL_STORE_BLOCK_ABSENT', details: { digest, block } }
        await assert.rejects(() => layer.read(block * 4096, 1), absent)
        await assert.rejects(async () => layer.readBlock(block), absent)
      }
      assert.deepEqual(await layer.verify(), { checkedBlocks: 3, badBlocks: [], digestMatches: null })
      await layer.writeBlocks(0, fixture.content)
      assert.deepEqual(await layer.read(0, sizeBytes), fixture.content)
      assert.equal((await layer.verify()).digestMatches, true)
    })

    test('what stays of wanted blocks are those that are there, wherever they are, or none', async () => {
      await layer.writeBlocks(2, fixture.block(2, 7))
      await layer.keep(firstBlocks(layer, blocks))
      assert.deepEqual([...layer.present.ones()], [2, 3, 4, 5, 6])
      await layer.keep(blockSet(layer, [0, 2, 3, 5, 9]))
      assert.deepEqual([...layer.present.ones()], [2, 3, 5])
      assert.deepEqual([layer.presentBytes, layer.durableBlocks], [3 * 4096, 3])
      assert.deepEqual(await layer.read(5 * 4096, 4096), fixture.block(5))
      await assert.rejects(() => layer.read(4 * 4096, 1), { code: 'SHOAL_STORE_BLOCK_ABSENT' })
      await layer.keep(firstBlocks(layer, 0))
      assert.deepEqual([layer.present.count, layer.presentBytes, layer.durableBlocks], [0, 0, 0])
      await layer.keep(firstBlocks(layer, 0))
      await assert.rejects(() => layer.keep(new Bitfield(blocks + 1)), RangeError)
    })

    test('whatever counts after writes at the same time as all but some blocks go is what was written', async () => {
      for (let round = 0; round < 5; round += 1) {
        const writes = Array.from({ length: blocks }, (_, n) => layer.writeBlocks(n, fixture.block(n)))
        const odd = Array.from({ length: round }, (_, n) => 2 * n + 1)
        await Promise.all([...writes, layer.keep(blockSet(layer, odd)), layer.keep(firstBlocks(layer, 2 + round))])
        assert.deepEqual((await layer.verify()).badBlocks, [])
        for (const block of layer.present.ones()) {
          assert.deepEqual(await layer.read(block * 4096, fixture.block(block).length), fixture.block(block))
        }
      }
    })

    test('a complete staged file becomes the layer and is gone from staging', async () => {
      const other = layerFixture({ seed: 4 })
      const staged = store.stagingPath('import-1')
      await writeFile(staged, other.content)
      const adopted = await store.adopt(other, staged)
      assert.equal(adopted.isComplete, true)
      assert.equal(adopted.durableBlocks, blocks)
      assert.equal(adopted.presentBytes, sizeBytes)
      assert.deepEqual(await adopted.read(0, sizeBytes), other.content)
      assert.equal(store.get(other.manifest.digest), adopted)
      await assert.rejects(() => access(staged), { code: 'ENOENT' })
    })

    test('adopting over a part completes the same layer, and again only removes the staged file', async () => {
      await layer.writeBlocks(2, fixture.block(2, 4))
      for (const name of ['first', 'second']) {
        const staged = store.stagingPath(name)
        await writeFile(staged, fixture.content)
        assert.equal(await store.adopt(fixture, staged), layer)
        assert.equal(layer.isComplete, true)
        assert.equal(layer.durableBlocks, blocks)
        await assert.rejects(() => access(staged), { code: 'ENOENT' })
        assert.deepEqual(await layer.read(0, sizeBytes), fixture.content)
      }
      assert.deepEqual((await layer.verify()).badBlocks, [])
    })

    test('a staged file that is missing or of another size is refused and the layer stays as it was', async () => {
      const invalid = { code: 'SHOAL_STORE_STAGED_INVALID' }
      await layer.writeBlocks(0, fixture.block(0))
      await assert.rejects(() => store.adopt(fixture, store.stagingPath('absent')), invalid)
      const staged = store.stagingPath('short')
      await writeFile(staged, fixture.content.subarray(1))
      await assert.rejects(() => store.adopt(fixture, staged), invalid)
      await access(staged)
      assert.equal(store.get(digest)?.present.count, 1)
      const other = layerFixture({ seed: 5 })
      await assert.rejects(() => store.adopt(other, staged), invalid)
      assert.equal(store.get(other.manifest.digest), undefined)
    })

    test('staging names that could leave the directory are a TypeError', () => {
      for (const name of ['', '..', '.hidden', 'a/b', '../a', 'a\0', 'x'.repeat(201)]) {
        assert.throws(() => store.stagingPath(name), TypeError)
      }
    })

    test('a removed layer is unknown everywhere and may be created anew, empty', async () => {
      await layer.writeBlocks(0, fixture.content)
      const buffer = await layer.readBlock(0)
      await store.remove(digest)
      await store.remove(digest)
      assert.equal(store.get(digest), undefined)
      assert.deepEqual(store.layers(), [])
      const unknown = { code: 'SHOAL_STORE_LAYER_UNKNOWN' }
      await assert.rejects(() => layer.writeBlocks(0, fixture.block(0)), unknown)
      await assert.rejects(() => layer.writeBlock(0, buffer), unknown)
      buffer.release()
      await assert.rejects(() => layer.read(0, 1), unknown)
      await assert.rejects(async () => layer.readBlock(0), unknown)
      await assert.rejects(() => layer.flush(), unknown)
      await assert.rejects(() => layer.verify(), unknown)
      await assert.rejects(() => layer.keep(firstBlocks(layer, 1)), unknown)
      await assert.rejects(() => layer.allocatedBytes(), unknown)
      const again = await store.create(fixture)
      assert.notEqual(again, layer)
      assert.equal(again.present.count, 0)
    })

    test('removing a layer while blocks are written leaves nothing behind', async () => {
      const writes = Array.from({ length: blocks }, (_, n) => layer.writeBlocks(n, fixture.block(n)))
      const removal = store.remove(digest)
      const results = await Promise.allSettled(writes)
      await removal
      for (const result of results) {
        if (result.status === 'rejected') assert.equal(result.reason.code, 'SHOAL_STORE_LAYER_UNKNOWN')
      }
      assert.equal((await store.create(fixture)).present.count, 0)
    })

    test('usage counts what layers occupy', async () => {
      const before = await store.usage()
      await layer.writeBlocks(0, fixture.content)
      await layer.flush()
      const after = await store.usage()
      assert.ok(after.allocatedBytes - before.allocatedBytes >= sizeBytes - 4096)
      assert.ok(after.freeBytes > 0)
      assert.ok(after.totalBytes >= after.freeBytes)
    })

    test('staged files are listed with what they occupy, and count as used', async () => {
      assert.deepEqual(await store.staged(), [])
      const before = await store.usage()
      await writeFile(store.stagingPath('import-1'), fixture.content, { flush: true })
      await writeFile(store.stagingPath('import-2'), '')
      const staged = await store.staged()
      assert.deepEqual(staged.map(({ name }) => name).sort(), ['import-1', 'import-2'])
      const allocatedBytes = staged.find(({ name }) => name === 'import-1')?.allocatedBytes ?? 0
      assert.ok(allocatedBytes >= sizeBytes)
      assert.ok((await store.usage()).allocatedBytes - before.allocatedBytes >= sizeBytes)
      await store.adopt(fixture, store.stagingPath('import-1'))
      assert.deepEqual(await store.staged(), [{ name: 'import-2', allocatedBytes: 0 }])
    })

    test('everything after close, and before open, is SHOAL_STORE_CLOSED', async () => {
      const closed = { code: 'SHOAL_STORE_CLOSED' }
      await store.close()
      await store.close()
      await assert.rejects(() => store.create(fixture), closed)
      await assert.rejects(() => store.adopt(fixture, 'anything'), closed)
      await assert.rejects(() => store.remove(digest), closed)
      await assert.rejects(() => store.usage(), closed)
      await assert.rejects(() => store.staged(), closed)
      await assert.rejects(() => layer.keep(firstBlocks(layer, 1)), closed)
      await assert.rejects(() => layer.allocatedBytes(), closed)
      await assert.rejects(() => layer.writeBlocks(0, fixture.block(0)), closed)
      await assert.rejects(() => layer.read(0, 1), closed)
      const buffer = filled(store, fixture.block(0))
      await assert.rejects(() => layer.writeBlock(0, buffer), closed)
      await assert.rejects(async () => layer.readBlock(0), closed)
      await assert.rejects(() => layer.flush(), closed)
      const fresh = await make()
      await assert.rejects(() => fresh.create(fixture), closed)
      await fresh.close()
    })
  })
}

/** A buffer that holds these bytes. */
function filled(store: LayerStore, data: Uint8Array): BlockBuffer {
  const buffer = store.buffers.acquire()
  assert.ok(buffer)
  buffer.payload(data.length).set(data)
  return buffer
}

/** Takes every buffer, so that none holds a block any more, and gives them back unless told not to. */
function useUp(store: LayerStore, { release = true } = {}): BlockBuffer[] {
  const all: BlockBuffer[] = []
  for (let buffer = store.buffers.acquire(); buffer !== undefined; buffer = store.buffers.acquire()) all.push(buffer)
  if (release) for (const buffer of all) buffer.release()
  return all
}
