import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Chain } from '../src/chain.ts'
import { composeOver } from '../src/compose-over.ts'
import { Qcow2Image } from '../src/qcow2-image.ts'
import { RawImage } from '../src/raw-image.ts'
import { writeLayer } from '../src/write-layer.ts'
import { memoryAccess, memoryFile, rawDisk } from './memory-disk.ts'
import { changedDisk, randomDisk } from './random-disk.ts'

const MIB = 1024 * 1024

/** A raw base with a middle above it that shows the flat disk, and a copy of the base as long as that. */
async function middleOn(baseBytes: Buffer, flatBytes: Buffer, clusterBits: number) {
  const middle = memoryFile()
  const format = { clusterBits, compression: 'zstd', level: 3 } as const
  await writeLayer({ disk: rawDisk(flatBytes), base: rawDisk(baseBytes) }, middle, format)
  const top = await Qcow2Image.open(memoryAccess(middle.bytes()))
  const chain = new Chain([top, new RawImage(memoryAccess(baseBytes))])
  const copy = Buffer.concat([baseBytes], flatBytes.length)
  const writes: number[] = []
  const sink = {
    write: async (offset: number, bytes: Buffer) => {
      writes.push(bytes.length)
      bytes.copy(copy, offset)
    },
  }
  return { chain, copy, sink, writes }
}

test('a copy of the base becomes the disk of the chain, whatever the sizes and clusters', async () => {
  const sizes = fc.tuple(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 0, max: 500 }))
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 9, max: 18 }),
      sizes,
      fc.nat(1e6),
      async (clusterBits, [sectors, more], seed) => {
        const baseBytes = randomDisk(sectors * 512, seed)
        const flatBytes = changedDisk(baseBytes, (sectors + more) * 512, seed + 100)
        const { chain, copy, sink } = await middleOn(baseBytes, flatBytes, clusterBits)
        await composeOver(chain, sink)
        assert.ok(copy.equals(flatBytes))
      },
    ),
    { numRuns: 40 },
  )
})

test('only blocks that differ are written, zeros over data among them', async () => {
  const baseBytes = Buffer.alloc(8 * MIB)
  baseBytes.fill('base', 2 * MIB, 6 * MIB)
  const flatBytes = Buffer.from(baseBytes)
  flatBytes.fill('new', 3 * MIB, 3 * MIB + 4096)
  flatBytes.fill(0, 4 * MIB, 5 * MIB)
  const { chain, copy, sink, writes } = await middleOn(baseBytes, flatBytes, 16)
  const progress: number[] = []
  const writtenBytes = await composeOver(chain, sink, { onProgress: (bytes) => progress.push(bytes) })
  assert.ok(copy.equals(flatBytes))
  assert.equal(writtenBytes, 4096 + MIB)
  assert.equal(
    writes.reduce((sum, bytes) => sum + bytes, 0),
    writtenBytes,
  )
  assert.equal(progress.at(-1), flatBytes.length)
})

test('nothing is written for a chain of one image', async () => {
  const chain = new Chain([new RawImage(memoryAccess(randomDisk(MIB, 1)))])
  assert.equal(await composeOver(chain, { write: () => assert.fail('it was written to') }), 0)
})

test('a write that fails ends it with that error', async () => {
  const { chain } = await middleOn(Buffer.alloc(4 * MIB), Buffer.alloc(4 * MIB, 'x'), 16)
  const fault = new Error('the disk is full')
  await assert.rejects(composeOver(chain, { write: () => Promise.reject(fault) }), fault)
})
