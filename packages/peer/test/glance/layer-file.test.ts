import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { ManualClock, silentLogger } from '@shoal/core'
import { createMemoryLayerStore } from '@shoal/layer-store'
import { undoAfter } from '../../../../test/harness/undo.ts'
import { LayerReader } from '../../src/boot/layer-reader.ts'
import { LayerFile } from '../../src/glance/layer-file.ts'
import { held, StandInSource } from '../boot/stand-in-source.ts'
import { layerFixture, signingKey } from '../layer-fixture.ts'

const BLOCK = 128 * 1024
const CHUNK = 2 * BLOCK
const { privateKey } = signingKey()

/** A layer of four chunks and a bit, of which nothing is here, and a Glance that gives what the test says. */
async function start(t: TestContext) {
  const undo = undoAfter(t)
  const fixture = layerFixture(privateKey, { sizeBytes: 4 * CHUNK + 1000 })
  const store = createMemoryLayerStore()
  await store.open()
  undo.after(() => store.close())
  const layer = await store.create(fixture)
  const source = new StandInSource(store, [fixture])
  const clock = new ManualClock()
  const shared = { layer, source, clock, random: () => 0.5, logger: silentLogger }
  const glance = { asked: [] as number[], data: Buffer.from(fixture.data), fault: undefined as Error | undefined }
  const abort = new AbortController()
  const file = new LayerFile(
    {
      ...shared,
      reader: new LayerReader(shared),
      fromGlance: async function* (offset) {
        glance.asked.push(offset)
        for (let at = offset; at < glance.data.length; at += 10_000) {
          if (glance.fault !== undefined) throw glance.fault
          yield glance.data.subarray(at, at + 10_000)
        }
      },
    },
    { image: 'i', patienceMs: 1000, giveUpMs: 20_000, signal: abort.signal },
  )
  const fill = async (chunk: number) => {
    const into = Buffer.alloc(Math.min(CHUNK, fixture.data.length - chunk * CHUNK))
    await file.fill(chunk * CHUNK, into)
    return into
  }
  const expected = (chunk: number) => fixture.data.subarray(chunk * CHUNK, (chunk + 1) * CHUNK)
  /** Moves time until something has settled. */
  const pass = async <T>(running: Promise<T>, stepMs = 100): Promise<T> => {
    let isOver = false
    const end = () => {
      isOver = true
    }
    running.then(end, end)
    for (let turn = 0; turn < 20_000 && !isOver; turn += 1) {
      await setImmediate()
      if (turn % 10 === 9) clock.advance(stepMs)
    }
    return running
  }
  return { fixture, layer, source, clock, glance, file, fill, expected, pass, abort }
}

test('blocks come from the store and from the swarm; Glance is not asked', async (t) => {
  const { source, glance, fill, expected, layer } = await start(t)
  await layer.writeBlocks(0, expected(0))
  ok((await fill(0)).equals(expected(0)))
  equal(source.demands.length, 0)
  for (const chunk of [1, 2, 3, 4]) ok((await fill(chunk)).equals(expected(chunk)))
  deepEqual(glance.asked, [])
})

test('when nothing comes for too long Glance gives the rest, in one request, and it is kept', async (t) => {
  const { source, glance, file, fill, expected, pass, layer, clock } = await start(t)
  ok((await fill(0)).equals(expected(0)))
  held(source)
  ok((await pass(fill(1))).equals(expected(1)))
  ok(clock.now() >= 1000)
  const at = clock.now()
  for (const chunk of [2, 3, 4]) ok((await pass(fill(chunk))).equals(expected(chunk)))
  ok(clock.now() - at < 1000, 'it is not waited for the swarm again')
  deepEqual(glance.asked, [CHUNK])
  equal(layer.isComplete, true)
  equal(file.glanceBytes, 3 * CHUNK + 1000)
  equal(file.storedBytes, file.glanceBytes)
})

test('as long as something of the layer comes nobody loses patience', async (t) => {
  const { source, glance, clock, fill, expected, layer } = await start(t)
  const gate = held(source)
  const filling = fill(0)
  for (const chunk of [3, 2]) {
    for (let block = 1; block >= 0; block -= 1) {
      await settle()
      clock.advance(900)
      await layer.writeBlocks(chunk * 2 + block, expected(chunk).subarray(block * BLOCK, (block + 1) * BLOCK))
    }
  }
  await settle()
  for (const demand of source.pending) await gate.let(demand)
  ok((await filling).equals(expected(0)))
  deepEqual(glance.asked, [])
})

test('once the layer has the next bytes again, Glance is left alone', async (t) => {
  const { source, glance, fill, expected, pass, layer } = await start(t)
  held(source)
  await pass(fill(0))
  await layer.writeBlocks(2, expected(1))
  ok((await fill(1)).equals(expected(1)))
  ok((await pass(fill(2))).equals(expected(2)))
  deepEqual(glance.asked, [0, 2 * CHUNK])
})

test('bytes of Glance that are not the layer are given to nobody, and it is not asked again', async (t) => {
  const { source, glance, fill, pass, layer, expected } = await start(t)
  const gate = held(source)
  glance.data[BLOCK + 5] = (glance.data[BLOCK + 5] ?? 0) ^ 1
  await rejects(pass(fill(0)), { code: 'SHOAL_GATEWAY_BYTES' })
  deepEqual(glance.asked, [0])
  equal(layer.presentBytes, 0)
  // The swarm may still have it.
  const filling = fill(0)
  await settle()
  for (const demand of source.pending) await gate.let(demand)
  ok((await filling).equals(expected(0)))
})

test('with Glance away too it is tried in turns, until one of them has it or it is given up', async (t) => {
  const { source, glance, fill, pass, expected, clock } = await start(t)
  held(source)
  glance.fault = new Error('no Glance')
  const filling = pass(fill(0))
  while (glance.asked.length < 3) await setImmediate()
  glance.fault = undefined
  ok((await filling).equals(expected(0)))
  glance.fault = new Error('no Glance again')
  const at = clock.now()
  await rejects(pass(fill(1)), /no Glance again/)
  ok(clock.now() - at >= 20_000)
})

test('a store that cannot keep them does not hold up bytes of Glance that are right', async (t) => {
  const { source, fill, pass, expected, layer, file } = await start(t)
  held(source)
  t.mock.method(layer, 'writeBlocks', () => Promise.reject(new Error('the disk is full')))
  ok((await pass(fill(0))).equals(expected(0)))
  equal(file.storedBytes, 0)
  equal(file.glanceBytes, CHUNK)
})

test('a client that has gone ends it at once', async (t) => {
  const { source, fill, abort, glance } = await start(t)
  held(source)
  const filling = fill(0)
  await settle()
  abort.abort(new Error('gone'))
  await rejects(filling, /gone/)
  equal(source.pending.size, 0)
  deepEqual(glance.asked, [])
})

async function settle() {
  for (let turn = 0; turn < 20; turn += 1) await setImmediate()
}
