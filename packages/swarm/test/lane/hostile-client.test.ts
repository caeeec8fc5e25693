import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { test } from 'node:test'
import { undoAfter } from '../../../../test/harness/undo.ts'
import { until } from '../../../../test/harness/until.ts'
import { FRAME } from '../../src/lane/frame.ts'
import { encodeLanePreamble } from '../../src/lane/lane-preamble.ts'
import { connectLane, Download, newPeerId, startSource, TestLayer } from './lane-fixture.ts'
import { encodeFrame, type RawFrame, RawLane } from './raw-lane.ts'

test('a wrong preamble closes the connection', async (t) => {
  const undo = undoAfter(t)
  const source = await startSource(undo, '127.41.20.1')
  const peerId = newPeerId()
  const right = encodeLanePreamble({ peerId, token: source.server.token(peerId) })
  for (const at of [0, 7, 8, 12, 31, 32, 47]) {
    const wrong = Buffer.from(right)
    wrong[at] = (wrong[at] ?? 0) ^ 1
    const lane = new RawLane(connect({ host: source.host, port: source.port }))
    lane.socket.write(wrong)
    await lane.closed
  }
  assert.equal(source.server.laneCount, 0)
})

test('what a client must not send closes its lane and no other', async (t) => {
  const undo = undoAfter(t)
  const source = await startSource(undo, '127.41.21.1', { rates: { upBytesPerSecond: 100_000 } })
  const layer = new TestLayer(source.context.buffers, 300)
  source.layers.push(layer)
  const other = connectLane(undo, source)
  const download = new Download(other, layer)
  download.channel.request(0, 1)
  const join = { type: FRAME.join, payload: Buffer.from(layer.manifest.infoHash, 'hex') }
  const lies: Record<string, RawFrame[]> = {
    'an unknown type': [{ type: 0 }],
    'another unknown type': [{ type: 13 }],
    'a block': [{ type: FRAME.block, payload: Buffer.alloc(16) }],
    'an unknown flag': [{ type: FRAME.request, flags: 4, a: 0, b: 1 }],
    'a flag where none is': [{ type: FRAME.cancel, flags: 1, a: 0, b: 1 }],
    'a payload where none is': [{ type: FRAME.request, a: 0, b: 1, payload: Buffer.alloc(4) }],
    'a channel twice': [join],
    'a join without an info hash': [{ type: FRAME.join, channel: 1, payload: Buffer.alloc(19) }],
    'a block beyond the layer': [{ type: FRAME.request, a: 300, b: 1 }],
    'blocks that reach beyond the layer': [{ type: FRAME.request, a: 299, b: 2 }],
    'a number that overflows': [{ type: FRAME.request, a: 0xffffffff, b: 1 }],
    'no block': [{ type: FRAME.request, a: 0, b: 0 }],
    'too many blocks': [{ type: FRAME.request, a: 0, b: 257 }],
    'a block twice': [
      { type: FRAME.request, a: 0, b: 100 },
      { type: FRAME.request, a: 99, b: 1 },
    ],
    'more requests than may wait': [
      { type: FRAME.request, a: 0, b: 200 },
      { type: FRAME.request, a: 200, b: 100 },
    ],
    'cancels beyond the layer': [{ type: FRAME.cancel, a: 290, b: 11 }],
    'urging beyond the layer': [{ type: FRAME.urge, a: 290, b: 11 }],
    'wanting nothing': [{ type: FRAME.want, a: 0 }],
    'wanting too much': Array.from({ length: 5 }, () => ({ type: FRAME.want, a: 256 })),
    'more arrivals than blocks': [{ type: FRAME.arrived, a: 1 }],
    'no arrival': [{ type: FRAME.arrived, a: 0 }],
    'an empty need': [{ type: FRAME.need }],
    'a need beyond the layer': [{ type: FRAME.need, a: 8, payload: Buffer.alloc(38) }],
    'a need of part of a byte': [{ type: FRAME.need, a: 4, payload: Buffer.alloc(1) }],
    'a need that is too long': [{ type: FRAME.need, length: 65_537 }],
    'an empty have': [{ type: FRAME.have }],
    'a have of half a number': [{ type: FRAME.have, payload: Buffer.alloc(6) }],
    'a have that is too long': [{ type: FRAME.have, length: 65_540 }],
    'a have of a piece that is none': [{ type: FRAME.have, payload: Buffer.from([0, 0, 1, 44]) }],
    'too many channels': Array.from({ length: 256 }, (_, channel) => ({ ...join, channel: channel + 1 })),
    'cancels without end': Array.from({ length: 300 }, () => ({ type: FRAME.cancel, a: 0, b: 256 })),
    'haves without end': Array.from({ length: 8 }, () => ({ type: FRAME.have, payload: Buffer.alloc(65_536) })),
  }
  for (const [name, frames] of Object.entries(lies)) {
    const lane = await RawLane.client(undo, source, { join: layer.manifest.infoHash })
    lane.send(...frames)
    const timer = setTimeout(() => lane.socket.emit('close'), 5000)
    await lane.closed
    clearTimeout(timer)
    assert.ok(lane.socket.destroyed, name)
  }
  await download.until(() => download.blocks.length === 1)
  assert.deepEqual([other.isClosed, source.server.laneCount], [false, 1])
  assert.deepEqual(source.uploads.map(({ isClosed }) => isClosed).filter((isClosed) => !isClosed).length, 1)
})

test('frames of a channel that is not open are passed over', async (t) => {
  const undo = undoAfter(t)
  const source = await startSource(undo, '127.41.22.1')
  const layer = new TestLayer(source.context.buffers, 10)
  source.layers.push(layer)
  const lane = await RawLane.client(undo, source)
  lane.send({ type: FRAME.request, a: 7, b: 9 }, { type: FRAME.leave }, { type: FRAME.want, channel: 999, a: 1 })
  lane.send({ type: FRAME.join, payload: Buffer.from(layer.manifest.infoHash, 'hex') }, { type: FRAME.request, b: 1 })
  assert.equal((await lane.frame(FRAME.block)).payload?.equals(layer.bytesOf(0)), true)
})

test('a client that asks and never reads holds two blocks and no more', async (t) => {
  const undo = undoAfter(t)
  const source = await startSource(undo, '127.41.23.1', { bufferCount: 32 })
  const layer = new TestLayer(source.context.buffers, 256, { blockBytes: 256 * 1024 })
  source.layers.push(layer)
  const lane = await RawLane.client(undo, source, { join: layer.manifest.infoHash })
  lane.socket.pause()
  lane.send({ type: FRAME.request, a: 0, b: 256 })
  // The kernel takes the first; then the socket is full.
  const { buffers } = source.context
  let last = -1
  await until('the socket to be full', async () => {
    const uploaded = source.uploads[0]?.uploadedBytes ?? 0
    const isStill = uploaded === last && buffers.usedCount > 0
    last = uploaded
    return isStill
  })
  assert.ok(buffers.usedCount <= 2, `${buffers.usedCount}`)
  // Others are served as before.
  const download = new Download(connectLane(undo, source), layer)
  await download.all()
  assert.equal(download.badBlocks, 0)
  lane.socket.resume()
  await until('all blocks', async () => lane.frames.length === 256, { everyMs: 10 })
})

test('a client that has answers without blocks piled up for it is closed', async (t) => {
  const undo = undoAfter(t)
  const source = await startSource(undo, '127.41.24.1')
  const layer = new TestLayer(source.context.buffers, 256)
  for (let block = 0; block < 256; block += 1) layer.present.clear(block)
  source.layers.push(layer)
  const lane = await RawLane.client(undo, source, { join: layer.manifest.infoHash })
  lane.socket.pause()
  const request = encodeFrame({ type: FRAME.request, a: 0, b: 256 })
  const flood = setInterval(() => lane.socket.write(request), 1)
  undo.after(async () => clearInterval(flood))
  // It asks again for what was rejected already; how much it names in a second is bounded.
  await until('the lane to be closed', async () => source.server.laneCount === 0)
})

test('whatever a client sends, in whatever pieces, the source neither throws nor keeps it', async (t) => {
  const undo = undoAfter(t)
  const source = await startSource(undo, '127.41.25.1')
  const layer = new TestLayer(source.context.buffers, 64, { blockBytes: 4096 })
  source.layers.push(layer)
  const random = (below: number) => (randomBytes(4).readUInt32BE() >>> 0) % below
  for (let round = 0; round < 150; round += 1) {
    const lane = await RawLane.client(undo, source, { join: layer.manifest.infoHash })
    const frames = Array.from({ length: 1 + random(40) }, () => {
      const type = 1 + random(round % 3 === 0 ? 14 : 9)
      const payload =
        type === FRAME.join
          ? Buffer.from(layer.manifest.infoHash, 'hex')
          : Buffer.alloc(type === FRAME.have ? 4 * (1 + random(6)) : type === FRAME.need ? 1 + random(9) : 0)
      return encodeFrame({ type, channel: random(3), a: random(70), b: 1 + random(8), payload })
    })
    const bytes = Buffer.concat(frames)
    for (let n = random(4); n > 0; n -= 1) bytes[random(bytes.length)] = random(256)
    for (let at = 0; at < bytes.length; ) {
      const size = 1 + random(60)
      lane.socket.write(bytes.subarray(at, at + size))
      at += size
      if (random(4) === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    if (round % 2 === 0) lane.socket.end()
    else await new Promise((resolve) => setImmediate(resolve))
    lane.socket.destroy()
    await lane.closed
  }
  await until('all lanes to be closed', async () => source.server.laneCount === 0)
  assert.equal(
    source.uploads.every(({ isClosed }) => isClosed),
    true,
  )
})
