import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { seededRandom } from '@shoal/core'
import fc from 'fast-check'
import { Chain } from '../src/chain.ts'
import { firstDifference } from '../src/first-difference.ts'
import { Qcow2Image } from '../src/qcow2-image.ts'
import { writeLayer } from '../src/write-layer.ts'
import { memoryAccess, memoryFile, qcow2Disk, rawDisk } from './memory-disk.ts'
import { qemuImg } from './qemu-img.ts'
import { changedDisk, randomDisk } from './random-disk.ts'
import { tempDirectory } from './temp-directory.ts'

const MIB = 1024 * 1024
const PLAIN = { clusterBits: 12, compression: 'none', level: 0 } as const

test('base and middle show the flat disk, whatever their clusters and compression', async () => {
  const format = fc.record({
    clusterBits: fc.integer({ min: 9, max: 18 }),
    compression: fc.constantFrom('none' as const, 'zlib' as const, 'zstd' as const),
  })
  const sizes = fc.tuple(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 0, max: 500 }))
  await fc.assert(
    fc.asyncProperty(format, format, sizes, fc.nat(1e6), async (ofBase, ofMiddle, [sectors, more], seed) => {
      const baseBytes = randomDisk(sectors * 512, seed)
      const flatBytes = changedDisk(baseBytes, (sectors + more) * 512, seed + 100)
      const baseFile = memoryFile()
      await writeLayer({ disk: rawDisk(baseBytes) }, baseFile, { ...ofBase, level: 3 })
      const base = await qcow2Disk(baseFile.bytes())
      assert.equal(await firstDifference(base, rawDisk(baseBytes)), undefined)
      const middleFile = memoryFile()
      const written = await writeLayer({ disk: rawDisk(flatBytes), base }, middleFile, { ...ofMiddle, level: 3 })
      assert.equal(written.sizeBytes, middleFile.bytes().length)
      const chain = await qcow2Disk(middleFile.bytes(), baseFile.bytes())
      assert.ok((await chain.read(0, flatBytes.length)).equals(flatBytes))
      assert.equal(await firstDifference(chain, rawDisk(flatBytes)), undefined)
    }),
    { numRuns: 60 },
  )
})

test('qemu-img takes base and middle for the flat disk', async (t) => {
  const directory = await tempDirectory(t)
  const baseBytes = randomDisk(6 * MIB, 1)
  const flatBytes = changedDisk(baseBytes, 7 * MIB + 512, 2)
  const [base, middle, flat] = ['base.qcow2', 'middle.qcow2', 'flat.raw'].map((name) => join(directory, name))
  assert.ok(base !== undefined && middle !== undefined && flat !== undefined)
  const baseFile = memoryFile()
  await writeLayer({ disk: rawDisk(baseBytes) }, baseFile, { clusterBits: 16, compression: 'zstd', level: 3 })
  const middleFile = memoryFile()
  const content = { disk: rawDisk(flatBytes), base: rawDisk(baseBytes) }
  await writeLayer(content, middleFile, { clusterBits: 13, compression: 'zlib', level: 6 })
  await Promise.all([
    writeFile(base, baseFile.bytes()),
    writeFile(middle, middleFile.bytes()),
    writeFile(flat, flatBytes),
  ])
  for (const file of [base, middle]) await qemuImg('check', '-q', '-f', 'qcow2', file)
  const graph = {
    driver: 'qcow2',
    file: { driver: 'file', filename: middle },
    backing: { driver: 'qcow2', file: { driver: 'file', filename: base } },
  }
  await qemuImg('compare', '-F', 'raw', `json:${JSON.stringify(graph)}`, flat)
})

test('a middle has what differs, zeros for what was emptied, and nothing of what is the same', async () => {
  const baseBytes = Buffer.alloc(16 * 4096, 'base')
  const flatBytes = Buffer.from(baseBytes)
  flatBytes.fill('changed', 4096, 2 * 4096)
  flatBytes.fill(0, 5 * 4096, 7 * 4096)
  const written = await writeLayer({ disk: rawDisk(flatBytes), base: rawDisk(baseBytes) }, memoryFile(), PLAIN)
  assert.equal(written.dataClusters, 1)
  assert.equal(written.zeroClusters, 2)
  assert.equal(written.sharedClusters, 13)
})

test('clusters that a boot reads come first in the file, in its order', async () => {
  const bytes = Buffer.concat(Array.from({ length: 32 }, (_, index) => Buffer.alloc(4096, `cluster ${index}`)))
  const file = memoryFile()
  const hot = [20, 3, 3, 31, 7, 4000]
  await writeLayer({ disk: rawDisk(bytes), hot }, file, PLAIN)
  const disk = await qcow2Disk(file.bytes())
  assert.ok((await disk.read(0, bytes.length)).equals(bytes))
  const hosts: (number | undefined)[] = []
  for (const cluster of [20, 3, 31, 7, 0]) {
    for await (const extent of disk.map(cluster * 4096, 4096)) hosts.push(extent.host)
  }
  // Behind the header, the refcount table, the L1 table and the one L2 table.
  assert.deepEqual(hosts, [4 * 4096, 5 * 4096, 6 * 4096, 7 * 4096, 8 * 4096])
})

test('all that a boot reads is in as many bytes at the beginning of the file as it says', async () => {
  // Thousands of small clusters take long to compress.
  const format = fc.oneof(
    fc.record({ clusterBits: fc.integer({ min: 9, max: 17 }), compression: fc.constant('none' as const) }),
    fc.record({ clusterBits: fc.integer({ min: 13, max: 17 }), compression: fc.constant('zstd' as const) }),
  )
  let shorter = 0
  await fc.assert(
    fc.asyncProperty(format, fc.boolean(), fc.nat(1e6), async (format, isMiddle, seed) => {
      const random = seededRandom(seed)
      const clusterBytes = 2 ** format.clusterBits
      const below = randomDisk(6 * MIB, seed)
      const bytes = isMiddle ? randomDisk(7 * MIB, seed + 1) : below
      const clusters = bytes.length / clusterBytes
      const runs = Array.from({ length: 4 }, () => Math.floor(random() * clusters))
      const hot = runs.flatMap((from) => Array.from({ length: clusters / 8 }, (_, index) => from + index))
      const file = memoryFile()
      const base = isMiddle ? rawDisk(below) : undefined
      const { bootBytes, sizeBytes } = await writeLayer({ disk: rawDisk(bytes), base, hot }, file, {
        ...format,
        level: 1,
      })
      if (bootBytes < sizeBytes) shorter += 1
      const top = await Qcow2Image.open(onlyFirst(bootBytes, file.bytes()))
      const disk = new Chain([top, ...(base?.images ?? [])])
      const read = hot.filter((cluster) => cluster < clusters)
      // Of thousands of small clusters some, the last that was written among them.
      const step = Math.ceil(read.length / 200)
      for (const cluster of read.filter((_, index) => (read.length - 1 - index) % step === 0)) {
        const at = cluster * clusterBytes
        assert.ok((await disk.read(at, clusterBytes)).equals(bytes.subarray(at, at + clusterBytes)))
      }
    }),
    { numRuns: 12 },
  )
  assert.ok(shorter > 4, `${shorter} files have more than that`)
})

/** A file of which no more than the first bytes can be read. */
function onlyFirst(bootBytes: number, bytes: Buffer) {
  const access = memoryAccess(bytes)
  const read = async (offset: number, length: number) => {
    assert.ok(Math.min(offset + length, bytes.length) <= bootBytes, `bytes ${offset} to ${offset + length} are read`)
    return await access.read(offset, length)
  }
  return { sizeBytes: bytes.length, read }
}

test('a layer says no bytes of a boot when it is not known what that reads', async () => {
  const written = await writeLayer({ disk: rawDisk(randomDisk(MIB, 4)) }, memoryFile(), PLAIN)
  assert.equal(written.bootBytes, 0)
})

test('QEMU reads what a boot reads from a file that has nothing behind it, and finds no fault in the whole', async (t) => {
  const directory = await tempDirectory(t)
  const [whole, part, out] = ['whole.qcow2', 'part.qcow2', 'out.raw'].map((name) => join(directory, name))
  assert.ok(whole !== undefined && part !== undefined && out !== undefined)
  const bytes = randomBytes(8 * MIB)
  // Nothing is at the first hot cluster, nor near it: the room for its table stays empty.
  bytes.fill(0, 0, 2 * MIB)
  const hot = [3, ...Array.from({ length: 600 }, (_, index) => 1500 - index)]
  const file = memoryFile()
  const { bootBytes, sizeBytes } = await writeLayer({ disk: rawDisk(bytes), hot }, file, PLAIN)
  assert.ok(bootBytes < sizeBytes / 2, `${bootBytes} of ${sizeBytes} bytes`)
  await writeFile(whole, file.bytes())
  await writeFile(part, file.bytes().fill(0xff, bootBytes))
  await qemuImg('check', '-q', '-f', 'qcow2', whole)
  for (const cluster of [hot[0] ?? 0, hot[1] ?? 0, hot.at(-1) ?? 0]) {
    const [offset, size] = [cluster * 4096, 4096]
    const image = { driver: 'qcow2', file: { driver: 'file', filename: part } }
    const range = `json:${JSON.stringify({ driver: 'raw', offset, size, file: image })}`
    await qemuImg('convert', '-O', 'raw', range, out)
    assert.ok((await readFile(out)).equals(bytes.subarray(offset, offset + size)), `cluster ${cluster}`)
  }
})

test('ranges that nobody needs may show what is below', async () => {
  const baseBytes = Buffer.alloc(16 * 4096, 'base')
  const flatBytes = Buffer.alloc(16 * 4096, 'flat')
  const unneeded = [
    { start: 0, length: 4 * 4096 },
    { start: 6 * 4096 + 512, length: 4096 },
  ]
  const file = memoryFile()
  const content = { disk: rawDisk(flatBytes), base: rawDisk(baseBytes), unneeded }
  const written = await writeLayer(content, file, PLAIN)
  assert.equal(written.dataClusters, 12)
  const middle = await Qcow2Image.open(memoryAccess(file.bytes()))
  const shown = await new Chain([middle, ...rawDisk(baseBytes).images]).read(0, flatBytes.length)
  const expected = Buffer.from(flatBytes)
  for (const { start, length } of unneeded) baseBytes.copy(expected, start, start, start + length)
  assert.ok(shown.equals(expected))
})

test('a base that is larger than the disk is a mistake of the caller', async () => {
  const content = { disk: rawDisk(Buffer.alloc(512)), base: rawDisk(Buffer.alloc(1024)) }
  await assert.rejects(writeLayer(content, memoryFile(), PLAIN), TypeError)
})

test('writing stops when it is told to', async () => {
  const controller = new AbortController()
  controller.abort(new Error('enough'))
  const content = { disk: rawDisk(randomDisk(MIB, 3)) }
  await assert.rejects(writeLayer(content, memoryFile(), { ...PLAIN, signal: controller.signal }), /enough/)
})
