import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BLOCK_HEADROOM_BYTES, type BlockBuffer, ShoalError } from '@shoal/core'
import { PieceWriter } from '../src/piece-writer.ts'
import { buildLayer, layerBuffers, storeLayer } from './layer-fixture.ts'

const BLOCK = 64 * 1024
/** Four pieces of two blocks. */
const { description, data } = buildLayer(8 * BLOCK, { pieceLengthBytes: 2 * BLOCK })

async function setUp() {
  const layer = await storeLayer(description)
  const said: string[] = []
  const writer = new PieceWriter<string>(layer, {
    onWritten: (sender, block) => said.push(`written ${sender} ${block}`),
    onUnstored: (block, bytes) => said.push(`unstored ${block} ${data.indexOf(bytes) / BLOCK}`),
    onStored: (piece) => said.push(`stored ${piece}`),
    onDiscarded: (piece) => said.push(`discarded ${piece}`),
    onBadBlock: (sender, block) => said.push(`bad ${sender} ${block}`),
    onStoreFailure: () => said.push('failure'),
  })
  const used = layerBuffers.usedCount
  const isReleased = () => layerBuffers.usedCount === used
  const write = (sender: string, block: number, bytes = data.subarray(block * BLOCK, (block + 1) * BLOCK)) => {
    const buffer: BlockBuffer | undefined = layerBuffers.acquire()
    assert.ok(buffer !== undefined)
    buffer.bytes.set(bytes, BLOCK_HEADROOM_BYTES)
    writer.write(sender, block, buffer)
  }
  return { layer, writer, said, write, isReleased }
}

test('a piece is stored when all its blocks are written, in whatever order they came', async () => {
  const { writer, said, write, isReleased } = await setUp()
  write('a', 3)
  write('b', 2)
  writer.onWhole(1)
  assert.deepEqual(said, [])
  await writer.idle()
  assert.deepEqual(said, ['written a 3', 'written b 2', 'stored 1'])
  assert.equal(isReleased(), true)
})

test('a piece of which some blocks came is neither stored nor given up', async () => {
  const { writer, said, write } = await setUp()
  write('a', 0)
  await writer.idle()
  assert.deepEqual(said, ['written a 0'])
  write('a', 1)
  await writer.idle()
  assert.equal(said.at(-1), 'stored 0')
})

test('a bad block names its sender, and its piece is given up once it is whole', async () => {
  const { writer, said, write, isReleased } = await setUp()
  write('good', 0)
  write('liar', 1, Buffer.alloc(BLOCK))
  writer.onWhole(0)
  await writer.idle()
  assert.deepEqual(said, ['written good 0', 'bad liar 1', 'discarded 0'])
  assert.equal(isReleased(), true)
})

test('a write that fails here is nobody’s fault, and what came is shown once more', async () => {
  const { layer, writer, said, write, isReleased } = await setUp()
  layer.writeBlock = () => Promise.reject(new ShoalError('SHOAL_STORE_FULL', 'full', { hint: 'none' }))
  write('a', 0)
  write('a', 1)
  writer.onWhole(0)
  await writer.idle()
  assert.deepEqual(said, ['unstored 0 0', 'failure', 'unstored 1 1', 'failure', 'discarded 0'])
  assert.equal(isReleased(), true)
})

test('what comes twice while it is written is stored once', async () => {
  const { writer, said, write } = await setUp()
  for (const sender of ['a', 'b']) {
    write(sender, 6)
    write(sender, 7)
    writer.onWhole(3)
  }
  await writer.idle()
  assert.equal(said.filter((line) => line === 'stored 3').length, 1)
  assert.equal(said.at(-1), 'stored 3')
})

test('it is idle when no write is under way', async () => {
  const { layer, writer, write } = await setUp()
  await writer.idle()
  const { promise, resolve } = Promise.withResolvers<void>()
  layer.writeBlock = () => promise
  write('a', 0)
  let isIdle = false
  const idle = writer.idle().then(() => {
    isIdle = true
  })
  await new Promise<void>((next) => setImmediate(next))
  assert.equal(isIdle, false)
  resolve()
  await idle
})
