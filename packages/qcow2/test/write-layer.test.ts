import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
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
  assert.deepEqual(hosts, [4096, 2 * 4096, 3 * 4096, 4 * 4096, 5 * 4096])
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
