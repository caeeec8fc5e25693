import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { ManualClock, silentLogger } from '@shoal/core'
import { createMemoryLayerStore } from '@shoal/layer-store'
import { undoAfter } from '../../../../test/harness/undo.ts'
import { LayerReader } from '../../src/boot/layer-reader.ts'
import { layerFixture, signingKey } from '../layer-fixture.ts'
import { held, StandInSource } from './stand-in-source.ts'

const BLOCK = 128 * 1024
const { privateKey } = signingKey()

async function start(t: TestContext, { sizeBytes = 8 * BLOCK }: { sizeBytes?: number } = {}) {
  const undo = undoAfter(t)
  const fixture = layerFixture(privateKey, { sizeBytes })
  const store = createMemoryLayerStore()
  await store.open()
  undo.after(() => store.close())
  const layer = await store.create(fixture)
  const source = new StandInSource(store, [fixture])
  const clock = new ManualClock()
  const reader = new LayerReader({ layer, source, clock, random: () => 0.5, logger: silentLogger })
  const read = async (offset: number, length: number, signal?: AbortSignal) => {
    const into = Buffer.alloc(length)
    await reader.readInto(offset, into, { signal })
    return into
  }
  const expect = (offset: number, length: number) => fixture.data.subarray(offset, offset + length)
  return { fixture, layer, source, clock, reader, read, expect }
}

/** Lets all that can happen without time passing happen. */
async function settle() {
  for (let turn = 0; turn < 20; turn += 1) await setImmediate()
}

test('what is present is read without a demand, what is absent is demanded first', async (t) => {
  const { layer, source, read, expect, fixture } = await start(t)
  await layer.writeBlocks(1, expect(BLOCK, BLOCK))
  ok((await read(BLOCK + 5, 1000)).equals(expect(BLOCK + 5, 1000)))
  equal(source.demands.length, 0)
  ok((await read(100, 3 * BLOCK)).equals(expect(100, 3 * BLOCK)))
  deepEqual(
    source.demands.map(({ block }) => block),
    [0, 2, 3],
  )
  equal(source.demands[0]?.digest, fixture.manifest.digest)
})

test('many who read an absent block demand it once', async (t) => {
  const { source, read, expect } = await start(t)
  const gate = held(source)
  const reads = Array.from({ length: 10 }, (_, index) => read(index * 4096, 4096))
  await settle()
  equal(source.demands.length, 1)
  for (const demand of source.demands) await gate.let(demand)
  for (const [index, bytes] of (await Promise.all(reads)).entries()) ok(bytes.equals(expect(index * 4096, 4096)))
})

test('a demand ends with its last reader, and not before', async (t) => {
  const { source, read, reader } = await start(t)
  held(source)
  const [one, other] = [new AbortController(), new AbortController()]
  const reads = [read(0, 512, one.signal), read(512, 512, other.signal)]
  await settle()
  one.abort(new Error('one has gone'))
  await rejects(reads[0] ?? Promise.resolve(), /one has gone/)
  equal(source.demands[0]?.signal.aborted, false)
  equal(reader.demanded, 1)
  other.abort(new Error('the other has gone'))
  await rejects(reads[1] ?? Promise.resolve(), /the other has gone/)
  equal(source.demands[0]?.signal.aborted, true)
  equal(reader.demanded, 0)
  await settle()
  equal(source.pending.size, 0)
})

test('a block is asked for anew by whoever comes after its last reader has gone', async (t) => {
  const { source, read, expect } = await start(t)
  const gate = held(source)
  const abort = new AbortController()
  const first = read(0, 512, abort.signal)
  await settle()
  abort.abort(new Error('gone'))
  await rejects(first, /gone/)
  const second = read(0, 512)
  await settle()
  equal(source.demands.length, 2)
  await gate.let(source.demands[1] as never)
  ok((await second).equals(expect(0, 512)))
})

test('only so many blocks are demanded at a time', async (t) => {
  const { source, read, expect } = await start(t, { sizeBytes: 80 * BLOCK })
  const gate = held(source)
  const reading = read(0, 80 * BLOCK)
  await settle()
  equal(source.pending.size, 32)
  while (source.pending.size > 0) {
    for (const demand of source.pending) await gate.let(demand)
    ok(source.pending.size <= 32)
    await settle()
  }
  ok((await reading).equals(expect(0, 80 * BLOCK)))
  equal(source.demands.length, 80)
})

test('when nobody has a block it is asked for again, later and later, until it comes', async (t) => {
  const { source, read, clock, expect } = await start(t)
  let failures = 6
  source.answer = (demand) => {
    failures -= 1
    return failures < 0 ? source.give(demand) : Promise.reject(new Error('nobody has it'))
  }
  const reading = read(0, 512)
  const asked: number[] = []
  for (let ms = 0; ms < 10_000; ms += 100) {
    await settle()
    asked.push(source.demands.length)
    clock.advance(100)
  }
  ok((await reading).equals(expect(0, 512)))
  equal(source.demands.length, 7)
  // 75 ms, 150, 300, 600, 1200, 2400 with the random half at its middle.
  equal(asked[0], 1)
  ok((asked[10] ?? 0) <= 5)
})

test('a layer that is gone is no reason to wait', async (t) => {
  const { source, read } = await start(t)
  source.answer = () => Promise.reject(Object.assign(new Error('gone'), { code: 'SHOAL_STORE_LAYER_UNKNOWN' }))
  await rejects(read(0, 512), { code: 'SHOAL_STORE_LAYER_UNKNOWN' })
  equal(source.demands.length, 1)
})

test('a block that could not be stored is served, and read on in without another demand', async (t) => {
  const { source, read, expect, layer } = await start(t)
  source.answer = async (demand) => [{ block: demand.block, bytes: Buffer.from(source.bytes(demand)) }]
  await layer.writeBlocks(1, expect(BLOCK, BLOCK))
  ok((await read(100, 3 * BLOCK)).equals(expect(100, 3 * BLOCK)))
  ok((await read(4096, 4096)).equals(expect(4096, 4096)))
  equal(layer.present.count, 1)
  equal(source.demands.length, 3)
})

test('bytes that are not what the manifest says are never given', async (t) => {
  const { source, read, expect, clock } = await start(t)
  let answers = 0
  source.answer = async ({ block, ...demand }) => {
    answers += 1
    const bytes = Buffer.from(source.bytes({ ...demand, block }))
    if (answers === 1) bytes[77] = (bytes[77] ?? 0) ^ 1
    if (answers === 2) return [{ block, bytes: bytes.subarray(1) }]
    // The word of a source that nothing stands behind.
    if (answers === 3) return []
    return [{ block, bytes }]
  }
  const reading = read(0, 512)
  while (answers < 4) {
    await settle()
    clock.advance(1000)
  }
  ok((await reading).equals(expect(0, 512)))
})

test('behind the end of the file are zeros, up to a whole sector of a raw layer', async (t) => {
  const { read, expect, reader, fixture } = await start(t, { sizeBytes: BLOCK + 700 })
  equal(reader.sizeBytes, BLOCK + 1024)
  const tail = await read(BLOCK, 1024)
  ok(tail.subarray(0, 700).equals(expect(BLOCK, 700)))
  ok(tail.subarray(700).every((byte) => byte === 0))
  equal((await reader.read(BLOCK, 4096)).length, 1024)
  equal(fixture.data.length, BLOCK + 700)
})

test('a layer that is read on has its next blocks hinted at, and only absent ones', async (t) => {
  const { layer, source, read, expect } = await start(t, { sizeBytes: 40 * BLOCK })
  await layer.writeBlocks(3, expect(3 * BLOCK, BLOCK))
  await read(0, 64 * 1024)
  equal(source.hints.length, 0)
  await read(64 * 1024, 64 * 1024)
  deepEqual(
    source.hints.map(({ firstBlock, blocks }) => [firstBlock, blocks]),
    [
      [1, 2],
      [4, 1],
    ],
  )
})
