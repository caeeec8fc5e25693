import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { type Digest, type Manifest, ManualClock, seededRandom, silentLogger } from '@shoal/core'
import { createMemoryLayerStore } from '@shoal/layer-store'
import fc from 'fast-check'
import { undoAfter } from '../../../../test/harness/undo.ts'
import { DiskPool } from '../../src/boot/disk-device-pool.ts'
import { type LayeredDisk, layeredDisk } from '../compose/layered-disk.ts'
import type { LayerFixture } from '../layer-fixture.ts'
import { held, StandInSource } from './stand-in-source.ts'

const MIB = 1024 ** 2
const KIB = 1024
const TIMEOUT_MS = 60_000
const disks: Record<'raw' | 'qcow2', LayeredDisk> = {
  raw: await layeredDisk({ baseFormat: 'raw', sizeBytes: 8 * MIB }),
  qcow2: await layeredDisk({ baseFormat: 'qcow2', sizeBytes: 8 * MIB }),
}

async function openPool(t: TestContext, layers: readonly LayerFixture[]) {
  const undo = undoAfter(t)
  const store = createMemoryLayerStore()
  await store.open()
  undo.after(() => store.close())
  const stored = await Promise.all(layers.map((layer) => store.create(layer)))
  const source = new StandInSource(store, layers)
  const clock = new ManualClock()
  const pool = new DiskPool({ source, clock, random: () => 0.5, logger: silentLogger }, { timeoutMs: TIMEOUT_MS })
  return { store, stored, source, clock, pool }
}

async function openDisk(t: TestContext, { base, middle }: LayeredDisk) {
  const opened = await openPool(t, [base, middle])
  const { signal } = new AbortController()
  const { disk, layers, release } = await opened.pool.open(opened.stored, { signal })
  undoAfter(t).after(async () => release())
  const read = async (offset: number, length: number, options: { signal?: AbortSignal } = {}) => {
    const into = Buffer.alloc(length, 0xaa)
    await disk.read(offset, length, into, { signal, ...options })
    return into
  }
  return { ...opened, disk, layers, read, signal }
}

async function settle() {
  for (let turn = 0; turn < 30; turn += 1) await setImmediate()
}

for (const baseFormat of ['raw', 'qcow2'] as const) {
  const layered = disks[baseFormat]
  const { flat } = layered

  test(`reads show the flat disk however the blocks arrive, on a ${baseFormat} base`, async (t) => {
    const range = fc
      .tuple(fc.nat(flat.length - 1), fc.oneof(fc.integer({ min: 1, max: 8192 }), fc.integer({ min: 1, max: MIB })))
      .map(([offset, length]) => [offset, Math.min(length, flat.length - offset)] as const)
    const property = fc.asyncProperty(
      fc.array(range, { minLength: 1, maxLength: 24 }),
      fc.nat(),
      async (ranges, seed) => {
        const { source, read, clock, disk, signal } = await openDisk(t, layered)
        const random = seededRandom(seed)
        // Late, in any order, sometimes not at all, sometimes not stored, sometimes wrong.
        source.answer = async (demand) => {
          for (let turns = Math.floor(random() * 12); turns > 0; turns -= 1) await setImmediate()
          const fate = random()
          if (fate < 0.1) throw new Error('nobody has it')
          if (fate < 0.15) return [{ block: demand.block, bytes: Buffer.alloc(source.bytes(demand).length, 1) }]
          if (fate < 0.35) return [{ block: demand.block, bytes: Buffer.from(source.bytes(demand)) }]
          return source.give(demand)
        }
        let isDone = false
        const reads = Promise.all(
          ranges.map(async ([offset, length], index) => {
            const abort = new AbortController()
            if (index % 5 === 4) {
              const gone = read(offset, length, { signal: abort.signal })
              await setImmediate()
              abort.abort()
              await gone.catch(() => {})
              return
            }
            if (index % 7 === 3) await disk.extents(offset, length, { signal, maxCount: 8 })
            const bytes = await read(offset, length)
            ok(bytes.equals(flat.subarray(offset, offset + length)), `${length} bytes at ${offset} differ`)
          }),
        ).finally(() => {
          isDone = true
        })
        while (!isDone) {
          await setImmediate()
          // Time for those that wait to ask again; far less than a read is held.
          clock.advance(20)
        }
        await reads
      },
    )
    await fc.assert(property, { numRuns: 25 })
  })
}

test('where zeros are is told without fetching data', async (t) => {
  const { base, middle, flat } = disks.qcow2
  const { disk, source, signal, layers } = await openDisk(t, { ...disks.qcow2, base, middle })
  const extents = await disk.extents(0, flat.length, { signal, maxCount: 1024 })
  equal(
    extents.reduce((sum, { length }) => sum + length, 0),
    flat.length,
  )
  ok(extents.some(({ isZero }) => isZero))
  let at = 0
  for (const { length, isZero } of extents) {
    if (isZero) ok(flat.subarray(at, at + length).every((byte) => byte === 0))
    at += length
  }
  const blocks = layers.reduce(
    (sum, { manifest }) => sum + Math.ceil(manifest.sizeBytes / manifest.blockLengthBytes),
    0,
  )
  // The tables are in the first blocks of each file, and what is written behind the data in the last.
  ok(source.demands.length <= 8 && source.demands.length < blocks / 2, `${source.demands.length} of ${blocks} blocks`)
})

test('opening waits for the headers alone, and ends when it is aborted', async (t) => {
  const { base, middle } = disks.qcow2
  const { pool, stored, source } = await openPool(t, [base, middle])
  held(source)
  const abort = new AbortController()
  const opening = pool.open(stored, { signal: abort.signal })
  await settle()
  deepEqual([...new Set(source.demands.map(({ block }) => block))], [0])
  abort.abort(new Error('released'))
  await rejects(opening, /released/)
  await settle()
  equal(source.pending.size, 0)
})

test('two boots of one image wait for the same demands', async (t) => {
  const { base, middle, flat } = disks.qcow2
  const { pool, stored, source } = await openPool(t, [base, middle])
  const { signal } = new AbortController()
  const [one, other] = await Promise.all([pool.open(stored, { signal }), pool.open(stored, { signal })])
  equal(one.disk, other.disk)
  const gate = held(source)
  const before = source.demands.length
  const into = [Buffer.alloc(4096), Buffer.alloc(4096)] as const
  const reads = [one, other].map(({ disk }, index) => disk.read(0, 4096, into[index] ?? Buffer.alloc(0), { signal }))
  let isDone = false
  const all = Promise.all(reads).finally(() => {
    isDone = true
  })
  while (!isDone) {
    await settle()
    for (const demand of source.pending) await gate.let(demand)
  }
  await all
  for (const bytes of into) ok(bytes.equals(flat.subarray(0, 4096)))
  const asked = source.demands.slice(before).map(({ digest, block }) => `${digest} ${block}`)
  equal(new Set(asked).size, asked.length)
  one.release()
  one.release()
  const again = Buffer.alloc(512)
  await other.disk.read(0, 512, again, { signal })
  ok(again.equals(flat.subarray(0, 512)))
  other.release()
})

test('a read is held as long as is configured, then fails with what was missing; the next one begins anew', async (t) => {
  const { source, clock, read, disk, signal } = await openDisk(t, disks.raw)
  await disk.extents(0, 1, { signal, maxCount: 1 })
  source.answer = () => Promise.reject(new Error('nobody has it'))
  const outcome = read(4096, 512).catch((error: unknown) => error as { code: string; details: { layer: Digest } })
  for (let ms = 0; ms < TIMEOUT_MS - 1000; ms += 1000) {
    await settle()
    clock.advance(1000)
  }
  let isOver = false
  void outcome.then(() => {
    isOver = true
  })
  await settle()
  equal(isOver, false)
  clock.advance(2000)
  const failure = await outcome
  ok('code' in failure && failure.code === 'SHOAL_BOOT_READ_TIMEOUT')
  ok(
    disks.raw.base.manifest.digest === failure.details.layer ||
      disks.raw.middle.manifest.digest === failure.details.layer,
  )
  await settle()
  equal(source.pending.size, 0)
  source.answer = (demand) => source.give(demand)
  ok((await read(4096, 512)).equals(disks.raw.flat.subarray(4096, 4096 + 512)))
})

test('who waits for a table that another began to wait for gets it when that one goes', async (t) => {
  const { source, read, clock } = await openDisk(t, disks.qcow2)
  const gate = held(source)
  const gone = new AbortController()
  const first = read(0, 4096, { signal: gone.signal })
  const second = read(6 * MIB, 4096)
  await settle()
  gone.abort(new DOMException('gone', 'AbortError'))
  await rejects(first, { name: 'AbortError' })
  let isDone = false
  void second.finally(() => {
    isDone = true
  })
  while (!isDone) {
    await settle()
    for (const demand of source.pending) await gate.let(demand)
    clock.advance(10)
  }
  ok((await second).equals(disks.qcow2.flat.subarray(6 * MIB, 6 * MIB + 4096)))
})

test('whoever reads hears of the blocks that are read, waited for or not, and of those alone', async (t) => {
  for (const layered of [disks.raw, disks.qcow2]) {
    const { disk, source, signal } = await openDisk(t, layered)
    const read = async (offset: number) => {
      const touched = new Set<string>()
      const onTouched = ({ digest, blockLengthBytes }: Manifest, from: number, length: number) => {
        for (let block = Math.floor(from / blockLengthBytes); block * blockLengthBytes < from + length; block += 1) {
          touched.add(`${digest} ${block}`)
        }
      }
      const before = source.demands.length
      await disk.read(offset, 4096, Buffer.alloc(4096), { signal, onTouched })
      return { touched, demanded: source.demands.slice(before).map(({ digest, block }) => `${digest} ${block}`) }
    }
    await disk.extents(0, layered.flat.length, { signal, maxCount: 1024 })
    let blocks = 0
    for (let offset = 0; offset < layered.flat.length; offset += 512 * KIB) {
      const cold = await read(offset)
      const warm = await read(offset)
      deepEqual(warm, { touched: cold.touched, demanded: [] })
      ok(cold.demanded.every((block) => cold.touched.has(block)))
      ok(cold.touched.size <= 2)
      blocks += cold.touched.size
    }
    ok(blocks > 0)
  }
})

test('what will be read is hinted at, block by block, without being demanded', async (t) => {
  const { disk, source, signal } = await openDisk(t, disks.raw)
  await disk.extents(0, 1, { signal, maxCount: 1 })
  const demanded = source.demands.length
  const hinted = source.hints.length
  disk.willRead(0, 4 * MIB)
  await settle()
  ok(source.hints.length > hinted)
  equal(source.demands.length, demanded)
  disk.willRead(0, 512 * KIB)
})

test('what cannot get better is not waited for', async (t) => {
  const { source, read, disk, signal } = await openDisk(t, disks.raw)
  await disk.extents(0, 1, { signal, maxCount: 1 })
  source.answer = () => Promise.reject(Object.assign(new Error('gone'), { code: 'SHOAL_STORE_LAYER_UNKNOWN' }))
  await rejects(read(4096, 512), { code: 'SHOAL_STORE_LAYER_UNKNOWN' })
})
