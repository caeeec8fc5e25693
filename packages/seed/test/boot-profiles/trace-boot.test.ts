import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, open, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { seededRandom } from '@shoal/core'
import { Chain, Qcow2Image, type RandomAccess } from '@shoal/qcow2'
import { fileAccess } from '@shoal/qcow2/file-access'
import { type Undo, undoAfter } from '../../../../test/harness/undo.ts'
import { blockKeys, fromBlockKey, type Trace, type TracedFile } from '../../src/boot-profiles/block-trace.ts'
import { firstTouches, type Touches } from '../../src/boot-profiles/first-touches.ts'
import { mergeTraces } from '../../src/boot-profiles/merge-traces.ts'
import { traceBoot } from '../../src/boot-profiles/trace-boot.ts'
import { LayerWorker } from '../../src/layers/layer-worker.ts'

const run = promisify(execFile)
const KIB = 1024
const MIB = 1024 ** 2
const DISK_BYTES = 96 * MIB
/** Smaller than those of layers, so that few MiB have many. */
const BLOCK_BYTES = 16 * KIB
/** The most that is read to open an image. */
const HEAD_BYTES = 2 * MIB

interface QemuExtent {
  readonly start: number
  readonly length: number
  readonly depth: number
  readonly data: boolean
  readonly offset?: number
}

/** A base, and a middle above it, that QEMU wrote; the paths are the base's and the middle's. */
async function makeChain(undo: Undo, { isCompressed = false } = {}): Promise<[string, string]> {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-trace-'))
  undo.after(() => rm(directory, { recursive: true, force: true }))
  const [plain, base, middle] = ['plain', 'base', 'middle'].map((name) => join(directory, `${name}.qcow2`))
  if (plain === undefined || base === undefined || middle === undefined) throw new TypeError('no paths')
  const random = seededRandom(11)
  const write = (count: number, maxKib: number) =>
    Array.from({ length: count }, (_, index) => {
      const length = 4 * Math.ceil((random() * maxKib) / 4)
      const offset = 4 * Math.floor((random() * (DISK_BYTES / KIB - length)) / 4)
      // What compresses is smaller than its cluster, so that data does not begin at one.
      return `write -P ${1 + (index % 250)} ${offset}k ${length}k`
    })
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-o', 'cluster_size=64k', plain, String(DISK_BYTES)])
  await qemuIo(plain, write(90, 900))
  const compressed = ['-c', '-o', 'cluster_size=64k,compression_type=zstd']
  const plainly = ['-o', 'cluster_size=64k']
  await run('qemu-img', [
    'convert',
    '-f',
    'qcow2',
    '-O',
    'qcow2',
    ...(isCompressed ? compressed : plainly),
    plain,
    base,
  ])
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', base, '-F', 'qcow2', middle])
  await qemuIo(middle, [...write(40, 300), 'write -z 3M 1M'])
  return [base, middle]
}

async function qemuIo(file: string, commands: readonly string[]): Promise<void> {
  await run('qemu-io', ['-f', 'qcow2', ...commands.flatMap((command) => ['-c', command]), file])
}

/** Reads of a boot: many small ones, and some long ones in a row. */
function someReads(seed: number, count: number): Touches {
  const random = seededRandom(seed)
  const reads = Array.from({ length: count }, (_, index) => {
    const length = index % 7 === 0 ? 400 * KIB : 512 * Math.ceil(random() * 64)
    return { offset: 512 * Math.floor((random() * (DISK_BYTES - length)) / 512), length, milliseconds: index }
  })
  return firstTouches({ recordedOn: '', virtualSizeBytes: DISK_BYTES, reads })
}

async function cutsOf(paths: readonly string[], blockLengthBytes = BLOCK_BYTES): Promise<TracedFile[]> {
  return Promise.all(paths.map(async (path) => ({ sizeBytes: (await stat(path)).size, blockLengthBytes })))
}

async function trace([base, middle]: readonly [string, string], touches: Touches): Promise<Trace> {
  const disk = [
    { path: middle, format: 'qcow2' },
    { path: base, format: 'qcow2' },
  ] as const
  return traceBoot(disk, await cutsOf([base, middle]), touches)
}

test('the blocks of data are those that qemu-img map names, and all others are of headers and tables', async (t) => {
  const chain = await makeChain(undoAfter(t))
  const touches = someReads(1, 120)
  const { stdout } = await run('qemu-img', ['map', '--output=json', '-f', 'qcow2', chain[1]], { maxBuffer: 64 * MIB })
  const map = JSON.parse(stdout) as QemuExtent[]
  const needed = new Set<string>()
  for (const [offset, length] of touches) {
    for (const extent of map) {
      const start = Math.max(offset, extent.start)
      const end = Math.min(offset + length, extent.start + extent.length)
      if (start >= end || !extent.data || extent.offset === undefined) continue
      const host = extent.offset + start - extent.start
      const last = Math.floor((host + end - start - 1) / BLOCK_BYTES)
      for (let block = Math.floor(host / BLOCK_BYTES); block <= last; block += 1) {
        needed.add(`${extent.depth === 0 ? 'middle' : 'base'} ${block}`)
      }
    }
  }
  assert.ok(needed.size > 150, `${needed.size} blocks`)
  const found = blockKeys(await trace(chain, touches)).map(fromBlockKey)
  const names = new Set(found.map(({ layer, block }) => `${layer === 1 ? 'middle' : 'base'} ${block}`))
  for (const name of needed) assert.ok(names.has(name), `${name} is missing`)
  // A table of a cluster of 64 KiB maps 512 MiB: each file has one.
  const others = found.filter(({ layer, block }) => !needed.has(`${layer === 1 ? 'middle' : 'base'} ${block}`))
  const behind = others.filter(({ block }) => block * BLOCK_BYTES >= HEAD_BYTES)
  assert.ok(behind.length <= (2 * 64 * KIB) / BLOCK_BYTES, `${behind.length} blocks that nobody needs`)
})

test('blocks come in the order in which the boot reads them first, tables before what they lead to', async (t) => {
  const chain = await makeChain(undoAfter(t))
  const touches = someReads(2, 60)
  const keys = blockKeys(await trace(chain, touches))
  let before = blockKeys(await trace(chain, []))
  assert.deepEqual(keys.slice(0, before.length), before)
  for (let count = 10; count <= touches.length; count += 10) {
    const some = blockKeys(await trace(chain, touches.slice(0, count)))
    assert.deepEqual(some.slice(0, before.length), before)
    before = some
  }
  assert.deepEqual(keys.slice(0, before.length), before)
})

for (const isCompressed of [false, true]) {
  const what = isCompressed ? 'compressed' : 'plain'
  test(`every read of every recorded boot finds its blocks in the profile: ${what}`, async (t) => {
    const undo = undoAfter(t)
    const chain = await makeChain(undo, { isCompressed })
    const boots = [someReads(3, 80), someReads(4, 80), someReads(5, 80)]
    const traces = await Promise.all(boots.map((touches) => trace(chain, touches)))
    const profile = (await mergeTraces(traces)).map(([layer, first, blocks]) => [layer, first, blocks] as const)
    const present = new Set(blockKeys(profile))
    const whole = await openChain(undo, chain, () => true)
    for (const touches of boots) {
      // Anew for each: a boot has no tables in memory.
      const partial = await openChain(undo, chain, (key) => present.has(key))
      for (const [offset, length] of touches) {
        assert.ok((await partial.read(offset, length)).equals(await whole.read(offset, length)), `at ${offset}`)
      }
    }
    // The last block is there for a reason, too.
    const [absent] = blockKeys(profile.slice(-1))
    assert.ok(absent !== undefined)
    const lacking = await openChain(undo, chain, (key) => present.has(key) && key !== absent)
    const all = boots.flat().map(([offset, length]) => lacking.read(offset, length))
    assert.ok((await Promise.allSettled(all)).some(({ status }) => status === 'rejected'))
  })
}

test('a raw layer, and a disk that ends within a block, are traced too; in a process of its own', async (t) => {
  const undo = undoAfter(t)
  const directory = await mkdtemp(join(tmpdir(), 'shoal-trace-'))
  undo.after(() => rm(directory, { recursive: true, force: true }))
  const path = join(directory, 'raw')
  {
    await using file = await open(path, 'w')
    await file.truncate(MIB + 512)
  }
  await using worker = new LayerWorker('image')
  const task = {
    type: 'boot-trace',
    disk: [{ path, format: 'raw' }],
    cuts: await cutsOf([path], 128 * KIB),
    touches: [
      [MIB, 4096],
      [127 * KIB, 2 * KIB],
    ],
  } as const
  assert.deepEqual(await worker.run(task, { signal: AbortSignal.timeout(60_000) }), [
    [0, 8, 1],
    [0, 0, 2],
  ])
})

test('what is recorded is kept as the bytes that were read first', () => {
  const reads = [
    [8192, 512],
    [12_288, 4096],
    [8192, 8192],
    [0, 1],
  ].map(([offset = 0, length = 0]) => ({ offset, length, milliseconds: 0 }))
  assert.deepEqual(firstTouches({ recordedOn: '', virtualSizeBytes: MIB, reads }), [
    [8192, 8192],
    [0, 4096],
  ])
})

/** The chain, of whose files only some blocks can be read. */
async function openChain(undo: Undo, paths: readonly string[], has: (key: number) => boolean): Promise<Chain> {
  const [base, middle] = await Promise.all(
    paths.map(async (path, layer) => {
      const file = await open(path, 'r')
      undo.after(() => file.close())
      const whole = fileAccess(file, (await file.stat()).size)
      const source: RandomAccess = {
        sizeBytes: whole.sizeBytes,
        read: async (offset, length, options) => {
          const end = Math.min(offset + length, whole.sizeBytes)
          for (let block = Math.floor(offset / BLOCK_BYTES); block * BLOCK_BYTES < end; block += 1) {
            const [key = -1] = blockKeys([[layer, block, 1]])
            if (!has(key)) throw new Error(`block ${block} of layer ${layer} is not there`)
          }
          return whole.read(offset, length, options)
        },
      }
      return Qcow2Image.open(source)
    }),
  )
  if (base === undefined || middle === undefined) throw new TypeError('no chain')
  return new Chain([middle, base])
}
