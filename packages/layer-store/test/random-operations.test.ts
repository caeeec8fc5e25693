import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { blockCount, errorCode, silentLogger, systemClock } from '@shoal/core'
import { createLayerStore, createMemoryLayerStore, type LayerStore } from '@shoal/layer-store'
import { createMemoryState } from '@shoal/state'
import fc from 'fast-check'
import { checkSpace } from './check-space.ts'
import { blockSet, type LayerFixture, layerFixture } from './layer-fixture.ts'

const fixtures = [1, 2].map((seed) => layerFixture({ seed, sizeBytes: 5 * 4096 + 9 }))
const blocks = blockCount({ sizeBytes: 5 * 4096 + 9, blockLengthBytes: 4096, pieceLengthBytes: 4096 })

const range = fc.record({ first: fc.integer({ min: 0, max: blocks }), count: fc.integer({ min: 0, max: blocks }) })
const operation = fc.record({
  layer: fc.constantFrom(0, 1),
  what: fc.oneof(
    fc.constantFrom('create', 'adopt', 'remove', 'flush', 'verify', 'verify some', 'reopen'),
    range.map(({ first, count }) => ({ write: first, count })),
    range.map(({ first, count }) => ({ writeWrong: first, count })),
    fc.record({ writeBlock: fc.nat({ max: blocks }), isGood: fc.boolean() }),
    fc.record({ readBlock: fc.nat({ max: blocks }) }),
    fc.record({ keep: fc.uniqueArray(fc.nat({ max: blocks - 1 })) }),
    fc
      .record({ offset: fc.integer({ min: 0, max: 22_000 }), length: fc.integer({ min: 0, max: 9000 }) })
      .map(({ offset, length }) => ({ read: offset, length })),
  ),
})
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never

test('any sequence of operations does to the store on disk what it does to the one in memory', async () => {
  const root = await mkdtemp(join(tmpdir(), 'shoal-random-'))
  let run = 0
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 25 }), async (operations) => {
        const deps = { state: createMemoryState(), logger: silentLogger, clock: systemClock }
        const options = { directory: join(root, String(run++)), durableBytes: 8192, durableMs: 1 }
        let disk = createLayerStore(deps, options)
        await disk.open()
        await using memory = createMemoryLayerStore()
        await memory.open()
        try {
          for (const { layer, what } of operations) {
            const fixture = fixtures[layer]
            if (fixture === undefined) continue
            if (what === 'reopen') {
              // Nothing may be lost by it; the store in memory has nothing to reopen.
              await disk.close()
              disk = createLayerStore(deps, options)
              await disk.open()
            } else {
              assert.deepEqual(await apply(disk, fixture, what), await apply(memory, fixture, what))
            }
            assert.deepEqual(summary(disk), summary(memory))
          }
          await checkSpace(disk, options.directory)
        } finally {
          await disk.close()
        }
      }),
      { numRuns: 60 },
    )
  } finally {
    await rm(root, { recursive: true, force: true })
  }
})

/** What the operation gave: a result to compare, or the code or class of its error. */
async function apply(store: LayerStore, fixture: LayerFixture, what: Operation['what']): Promise<unknown> {
  const layer = store.get(fixture.manifest.digest)
  try {
    if (what === 'create') return (await store.create(fixture)).present.count
    if (what === 'remove') return await store.remove(fixture.manifest.digest)
    if (what === 'adopt') {
      const staged = store.stagingPath('staged')
      await writeFile(staged, fixture.content)
      return (await store.adopt(fixture, staged)).present.count
    }
    if (layer === undefined) return 'no layer'
    if (what === 'flush') {
      await layer.flush()
      return layer.durableBlocks
    }
    if (what === 'verify') return await layer.verify()
    if (what === 'verify some') return await layer.verify({ range: { firstBlock: 1, blocks: 3 } })
    if (typeof what === 'string') return what
    if ('keep' in what) return await layer.keep(blockSet(layer, what.keep))
    if ('read' in what) return await layer.read(what.read, what.length)
    if ('readBlock' in what) {
      const buffer = await layer.readBlock(what.readBlock)
      const data = Buffer.from(buffer.payload(fixture.block(what.readBlock).length))
      buffer.release()
      return data
    }
    if ('writeBlock' in what) {
      const buffer = await store.buffers.acquireWhenFree()
      try {
        buffer.payload(4096).set(fixture.block(what.writeBlock))
        if (!what.isGood) buffer.payload(1)[0] = (buffer.payload(1)[0] ?? 0) ^ 1
        return await layer.writeBlock(what.writeBlock, buffer)
      } finally {
        buffer.release()
      }
    }
    const first = 'write' in what ? what.write : what.writeWrong
    const data = Buffer.from(fixture.block(first, first + what.count))
    if ('writeWrong' in what) data[data.length - 1] = (data[data.length - 1] ?? 0) ^ 0x80
    return await layer.writeBlocks(first, data)
  } catch (error) {
    return errorCode(error) ?? (error instanceof Error ? error.name : error)
  }
}

function summary(store: LayerStore): unknown {
  const layers = store.layers().map((layer) => ({
    digest: layer.manifest.digest,
    present: [...layer.present.ones()],
    presentBytes: layer.presentBytes,
    isComplete: layer.isComplete,
  }))
  return layers.sort((a, b) => (a.digest < b.digest ? -1 : 1))
}
