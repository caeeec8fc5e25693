import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BlockBuffer, blockCount } from '@shoal/core'
import type { LaneChannel, LaneChannelEvents } from '../src/lane/lane-channel.ts'
import { LaneTransport } from '../src/lane-transport.ts'
import { buildLayer, layerBuffers, storeLayer } from './layer-fixture.ts'

const KIB = 1024
/** Four pieces of four blocks. */
const { description } = buildLayer(1024 * KIB, { pieceLengthBytes: 256 * KIB })

/** A transport, what it did, and the source's side of its channel. */
async function transport(described = description) {
  const layer = await storeLayer(described)
  const said: string[] = []
  let source: LaneChannelEvents | undefined
  let mostRequested = 0
  const lane = new LaneTransport(
    layer,
    {
      onBytes: () => {},
      onBlock: (_block, buffer) => buffer.release(),
      onWhole: (piece) => said.push(`whole ${piece}`),
      onRefused: (piece) => said.push(`refused ${piece}`),
      onChosen: (piece) => said.push(`chosen ${piece}`),
      onHave: () => {},
      onClose: () => {},
    },
    (events) => {
      source = events
      let requestedBlocks = 0
      const channel: Partial<LaneChannel> = {
        get requestedBlocks() {
          return requestedBlocks
        },
        request: (_block, count) => {
          requestedBlocks += count
          mostRequested = Math.max(mostRequested, requestedBlocks)
        },
        cancel: (_block, count) => {
          requestedBlocks -= count
        },
        want() {},
        arrived() {},
        close() {},
      }
      return channel as LaneChannel
    },
  )
  const block = (number: number, isChosen: boolean) => {
    const buffer: BlockBuffer | undefined = layerBuffers.acquire()
    assert.ok(buffer !== undefined)
    source?.onBlock(number, buffer, 64 * KIB, isChosen)
  }
  return { layer, lane, said, block, mostRequested: () => mostRequested }
}

test('a source that begins pieces of its choice and ends none holds up one at a time', async () => {
  const { layer, lane, said, block } = await transport()
  lane.offer(16, () => true)
  for (let first = 0; first < blockCount(layer.manifest); first += 4) block(first, true)
  assert.deepEqual(said, ['chosen 0', 'refused 0', 'chosen 1', 'refused 1', 'chosen 2', 'refused 2', 'chosen 3'])
  lane.close()
})

test('chosen pieces come between blocks that were asked for, and a piece is begun once', async () => {
  const { layer, lane, said, block } = await transport()
  // The last block is here, so that the piece is whole before the source has sent all of it.
  await layer.writeBlocks(7, buildLayer(1024 * KIB).data.subarray(7 * 64 * KIB, 8 * 64 * KIB))
  lane.offer(16, () => true)
  lane.ask(2, { isUrgent: false })
  for (const number of [4, 5]) block(number, true)
  for (const number of [8, 9]) block(number, false)
  for (const number of [6, 7]) block(number, true)
  for (const number of [10, 11]) block(number, false)
  for (const number of [12, 13, 14, 15]) block(number, true)
  assert.deepEqual(said, ['chosen 1', 'whole 1', 'whole 2', 'chosen 3', 'whole 3'])
  lane.close()
})

test('what a source owes that falls silent again and again is bounded', async () => {
  const { layer, lane, mostRequested } = await transport(buildLayer(48 * 1024 * KIB).description)
  for (let piece = 0; piece < blockCount(layer.manifest); piece += 1) lane.ask(piece, { isUrgent: false })
  assert.ok(mostRequested() > 100 && mostRequested() <= 256, `${mostRequested()}`)
  lane.close()
})
