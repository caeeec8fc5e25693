import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { BlockBuffers, ManualClock } from '@shoal/core'
import { undoAfter } from '../../../../test/harness/undo.ts'
import { until } from '../../../../test/harness/until.ts'
import { FLAG, FRAME } from '../../src/lane/frame.ts'
import { createLaneContext } from '../../src/lane/lane-context.ts'
import { connectLane, Download, newContext, TestLayer } from './lane-fixture.ts'
import { encodeFrame, type RawFrame, type RawLane, rawSource } from './raw-lane.ts'

const BLOCK = 64 * 1024
const layer = new TestLayer(new BlockBuffers({ count: 1 }), 20)

/** The frame of a whole block or of a part of it. */
const block = (a: number, { from = 0, to = layer.bytesOf(a).length, flags = 0 } = {}) => ({
  type: FRAME.block,
  flags,
  a,
  b: from,
  payload: layer.bytesOf(a).subarray(from, to),
})

test('what a source must not send closes the lane, and no buffer is lost', async (t) => {
  const undo = undoAfter(t)
  const lies: Record<string, RawFrame[]> = {
    'an unknown type': [{ type: 0 }],
    'a request': [{ type: FRAME.request, a: 0, b: 1 }],
    'a block that was not asked for': [block(9)],
    'a block twice': [block(0), block(0)],
    'a block of its choice with no leave': [block(9, { flags: FLAG.chosen })],
    'a block beyond the layer': [{ ...block(0), a: 20 }],
    'a block of a channel that nobody joined': [{ ...block(0), channel: 1 }],
    'an unknown flag': [block(0, { flags: 4 })],
    'an empty block': [block(0, { to: 0 })],
    'a block that is too long': [{ ...block(0), payload: Buffer.alloc(BLOCK + 1) }],
    'a block longer than any': [{ ...block(0), length: 256 * 1024 + 1 }],
    'a last block that is as long as the others': [{ ...block(19), payload: Buffer.alloc(BLOCK) }],
    'a block from its middle': [block(0, { from: 100 })],
    'a block with a gap': [block(0, { to: 100 }), block(0, { from: 101 })],
    'a block that repeats a part': [block(0, { to: 100 }), block(0, { from: 99 })],
    'a block that ends too late': [block(0, { to: 100 }), { ...block(0, { from: 100 }), payload: Buffer.alloc(BLOCK) }],
    'a block within another': [block(0, { to: 100 }), block(1)],
    'a reject of what was not asked for': [{ type: FRAME.reject, a: 9, b: 1 }],
    'a reject beyond the layer': [{ type: FRAME.reject, a: 19, b: 2 }],
    'a reject of nothing': [{ type: FRAME.reject, a: 0, b: 0 }],
    'a reject of a block that begins': [block(0, { to: 100 }), { type: FRAME.reject, a: 0, b: 1 }],
    'a reject with a payload': [{ type: FRAME.reject, a: 0, b: 1, payload: Buffer.alloc(4) }],
    'a have of a piece that is none': [{ type: FRAME.have, payload: Buffer.from([0, 0, 0, 20]) }],
    'an empty have': [{ type: FRAME.have }],
    'a have that is too long': [{ type: FRAME.have, length: 65_540 }],
    'haves without end': Array.from({ length: 5 }, () => ({ type: FRAME.have, payload: Buffer.alloc(65_536) })),
    'closing a channel that nobody joined': [{ type: FRAME.closed, channel: 3 }],
    'a block after closing': [{ type: FRAME.closed }, block(0)],
  }
  for (const [name, frames] of Object.entries(lies)) {
    const source = await rawSource(undo, '127.41.30.1', (lane) => {
      void lane.frame(FRAME.request).then(() => lane.send(...frames))
    })
    const lane = connectLane(undo, source)
    const download = new Download(lane, layer)
    for (const first of [0, 19]) download.channel.request(first, 1)
    await download.until(() => lane.isClosed || download.isClosed, name)
    await until(name, async () => lane.isClosed, { everyMs: 5, timeoutMs: 5000 })
  }
})

test('blocks may come in parts, with other frames between these', async (t) => {
  const undo = undoAfter(t)
  const source = await rawSource(undo, '127.41.31.1', (lane) => {
    void lane.frame(FRAME.request).then(() => {
      lane.send(block(0, { to: 1 }), { type: FRAME.have, payload: Buffer.from([0, 0, 0, 7]) })
      lane.send(block(0, { from: 1, to: 5000 }), { type: FRAME.reject, a: 1, b: 1 }, block(0, { from: 5000 }))
      lane.send(block(19))
    })
  })
  const download = new Download(connectLane(undo, source), layer)
  download.channel.request(0, 2)
  download.channel.request(19, 1)
  await download.until(() => download.blocks.length === 2)
  assert.deepEqual(
    [download.blocks, download.badBlocks, download.rejected, download.haves, download.channel.requestedBlocks],
    [[0, 19], 0, [1], [7], 0],
  )
})

test('a source that stops in the middle of a frame or of a block is given up, one that is only idle is not', async (t) => {
  const undo = undoAfter(t)
  for (const [frames, bytes, seconds] of [
    [[block(0)], 1000, 11],
    [[block(0, { to: 1000 })], 1016, 31],
    [[block(0)], 8, 11],
    [[{ type: FRAME.have, length: 400, payload: Buffer.alloc(100) }], 116, 11],
    [[block(0)], BLOCK + 16, undefined],
  ] as const) {
    const source = await rawSource(undo, '127.41.32.1', (lane) => {
      void lane.frame(FRAME.request).then(() => {
        // The HAVE shows that what follows it is there as well.
        const have = { type: FRAME.have, payload: Buffer.alloc(4) }
        const rest = Buffer.concat(frames.map(encodeFrame)).subarray(0, bytes)
        lane.socket.write(Buffer.concat([encodeFrame(have), rest]))
      })
    })
    const clock = new ManualClock()
    const context = { ...newContext(undo), watch: createLaneContext({ clock, buffers: layer.buffers }).watch }
    const lane = connectLane(undo, source, { context })
    const download = new Download(lane, layer)
    download.channel.request(0, 2)
    await download.until(() => download.haves.length === 1)
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    const seen: boolean[] = []
    for (let second = 0; second < 100; second += 1) {
      clock.advance(1000)
      await new Promise((resolve) => setImmediate(resolve))
      seen.push(lane.isClosed)
    }
    const closedAt = seen.indexOf(true)
    if (seconds === undefined) assert.equal(closedAt, -1)
    else assert.ok(Math.abs(closedAt - seconds) <= 1, `${closedAt} ${seconds}`)
  }
})

test('frames come whole however they are cut, also while blocks wait for buffers', async (t) => {
  const undo = undoAfter(t)
  const pieces = (from: number) => ({ type: FRAME.have, payload: Buffer.from([0, 0, 0, from, 0, 0, 0, from + 1]) })
  for (const size of [1, 15, 16, 17, 2047, 2048, 2049, 70_000]) {
    const source = await rawSource(undo, '127.41.34.1', (lane) => {
      void lane.frame(FRAME.request).then(async () => {
        const sent = [pieces(0), block(0), pieces(2), block(1), block(2), pieces(4), block(3), pieces(6)]
        const bytes = Buffer.concat(sent.map(encodeFrame))
        // The smallest cuts only for the first frames: a write for each byte of a block proves no more.
        for (let at = 0; at < bytes.length; ) {
          const end = at + (at < 200 ? size : Math.max(size, 1024))
          lane.socket.write(bytes.subarray(at, end))
          at = end
          await new Promise((resolve) => setImmediate(resolve))
        }
      })
    })
    const download = new Download(connectLane(undo, source, { context: newContext(undo, 2) }), layer)
    download.kept = []
    // Whoever holds a block lets go of it later: until then the next one has no buffer.
    const letGo = setInterval(() => download.kept?.shift()?.release(), 2)
    undo.after(async () => clearInterval(letGo))
    download.channel.request(0, 4)
    await download.until(() => download.haves.length === 8)
    assert.deepEqual([download.blocks, download.badBlocks, download.haves], [[0, 1, 2, 3], 0, [0, 1, 2, 3, 4, 5, 6, 7]])
    await until('the buffers to be let go', async () => download.kept?.length === 0, { everyMs: 1, timeoutMs: 5000 })
  }
})

test('whatever a source sends, in whatever pieces, its client neither throws nor loses a buffer', async (t) => {
  const undo = undoAfter(t)
  const random = (below: number) => (randomBytes(4).readUInt32BE() >>> 0) % below
  const talk = async (lane: RawLane) => {
    await lane.frame(FRAME.request)
    const frames = Array.from({ length: 1 + random(12) }, () => {
      const a = random(20)
      const { length } = layer.bytesOf(a)
      const cut = 1 + random(length - 1)
      const any: RawFrame[] = [
        block(a),
        block(a, { flags: random(2) * FLAG.chosen }),
        block(a, { to: cut }),
        { type: FRAME.reject, a, b: 1 + random(2) },
        { type: FRAME.have, payload: Buffer.alloc(4 * (1 + random(300))) },
        { type: FRAME.closed, channel: random(2) },
      ]
      const picked = any[random(any.length)] ?? block(a)
      return picked === any[2] ? [picked, block(a, { from: cut })] : [picked]
    }).flat()
    const bytes = Buffer.concat(frames.map(encodeFrame))
    for (let n = random(3); n > 0; n -= 1) bytes[random(Math.min(bytes.length, 200))] = random(256)
    for (let at = 0; at < bytes.length && !lane.socket.destroyed; ) {
      const size = 1 + random(random(2) === 0 ? 60 : 50_000)
      lane.socket.write(bytes.subarray(at, at + size))
      at += size
      if (random(4) === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    lane.socket.end()
  }
  const source = await rawSource(undo, '127.41.33.1', (lane) => void talk(lane).catch(() => {}))
  for (let round = 0; round < 150; round += 1) {
    const context = newContext(undo, 3)
    const lane = connectLane(undo, source, { context })
    const [first, second] = [new Download(lane, layer), new Download(lane, layer)]
    for (const { channel } of [first, second]) {
      channel.request(0, 20)
      channel.want(2)
    }
    first.onEvent = () => {
      if (random(3) === 0) first.channel.cancel(random(20), 1)
      if (random(3) === 0 && !first.channel.isClosed) first.channel.request(random(20), 1)
      if (random(20) === 0) first.channel.close()
    }
    await until('the lane to end', async () => lane.isClosed, { everyMs: 1, timeoutMs: 10_000 })
    assert.equal(second.isClosed, true)
  }
})
