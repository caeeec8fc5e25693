import assert from 'node:assert/strict'
import { test } from 'node:test'
import { undoAfter } from '../../../../test/harness/undo.ts'
import { connectLane, Download, newContext, newPeerId, startSource, TestLayer } from './lane-fixture.ts'

const range = (count: number, first = 0) => Array.from({ length: count }, (_, index) => first + index)

test('a whole layer crosses a lane, from memory or after reading, in order', async (t) => {
  const undo = undoAfter(t)
  const source = await startSource(undo, '127.41.1.1')
  for (const isSlow of [false, true]) {
    const layer = new TestLayer(source.context.buffers, 100, { isSlow })
    source.layers.push(layer)
    const download = new Download(connectLane(undo, source), layer)
    await download.all()
    assert.deepEqual(download.blocks, range(100))
    assert.equal(download.badBlocks, 0)
    assert.equal(download.bytes, layer.data.length)
    assert.equal(source.uploads.at(-1)?.uploadedBytes, layer.data.length)
  }
})

test('layers in both directions between two daemons, several on each lane', async (t) => {
  const undo = undoAfter(t)
  const a = await startSource(undo, '127.41.2.1')
  const b = await startSource(undo, '127.41.2.2')
  for (const { layers, context } of [a, b]) {
    for (const blocks of [1, 40, 60]) layers.push(new TestLayer(context.buffers, blocks))
  }
  const downloads = [
    [connectLane(undo, a, { context: b.context, localHost: b.host }), a] as const,
    [connectLane(undo, b, { context: a.context, localHost: a.host }), b] as const,
  ].flatMap(([lane, { layers }]) => layers.map((layer) => new Download(lane, layer)))
  await Promise.all(downloads.map((download) => download.all()))
  for (const { blocks, badBlocks, layer } of downloads) {
    assert.deepEqual([blocks.length, badBlocks], [layer.blockCount, 0])
  }
  // So that what is in the one's buffers is not waited for by the other's check.
  a.server.close()
  b.server.close()
})

test('blocks of the largest size arrive through few buffers', async (t) => {
  const undo = undoAfter(t)
  const source = await startSource(undo, '127.41.3.1', { bufferCount: 4 })
  const layer = new TestLayer(source.context.buffers, 64, { blockBytes: 256 * 1024 })
  source.layers.push(layer)
  const context = newContext(undo, 2)
  const lanes = [0, 1, 2].map(() => connectLane(undo, source, { context }))
  const downloads = lanes.map((lane) => new Download(lane, layer))
  await Promise.all(downloads.map((download) => download.all(32)))
  for (const { blocks, badBlocks } of downloads) assert.deepEqual([blocks.length, badBlocks], [64, 0])
})

test('a lane that finds no buffer goes on when there is one', async (t) => {
  const undo = undoAfter(t)
  const source = await startSource(undo, '127.41.4.1')
  const layer = new TestLayer(source.context.buffers, 20)
  source.layers.push(layer)
  const context = newContext(undo, 4)
  const download = new Download(connectLane(undo, source, { context }), layer)
  download.kept = []
  download.channel.request(0, 20)
  // One of four is spare.
  await download.until(() => download.kept?.length === 3)
  const released = setInterval(() => download.kept?.shift()?.release(), 1)
  await download.until(() => download.blocks.length === 20)
  clearInterval(released)
  for (const buffer of download.kept) buffer.release()
  assert.deepEqual([download.blocks, download.badBlocks], [range(20), 0])
})

test('urgent blocks overtake those that wait, and waiting ones can be made urgent', async (t) => {
  const undo = undoAfter(t)
  const source = await startSource(undo, '127.41.5.1', { rates: { upBytesPerSecond: 2_000_000 } })
  const layer = new TestLayer(source.context.buffers, 32)
  source.layers.push(layer)
  const download = new Download(connectLane(undo, source), layer)
  download.channel.request(0, 20)
  await download.until(() => download.blocks.length === 1)
  download.channel.request(30, 1, { urgent: true })
  download.channel.request(18, 2, { urgent: true })
  await download.until(() => download.blocks.length === 21)
  for (const block of [30, 18, 19]) assert.ok(download.blocks.indexOf(block) < 12, `${download.blocks}`)
  assert.equal(new Set(download.blocks).size, 21)
})

test('cancelled blocks are heard of no more, and can be asked for again', async (t) => {
  const undo = undoAfter(t)
  const source = await startSource(undo, '127.41.6.1', { rates: { upBytesPerSecond: 4_000_000 } })
  const layer = new TestLayer(source.context.buffers, 64)
  source.layers.push(layer)
  const download = new Download(connectLane(undo, source), layer)
  download.channel.request(0, 40)
  await download.until(() => download.blocks.length === 4)
  download.channel.cancel(2, 28)
  const cancelledAt = download.blocks.length
  download.channel.request(7, 2)
  download.channel.cancel(8, 1)
  download.channel.request(8, 1)
  await download.until(() => download.blocks.includes(39) && download.blocks.includes(8))
  assert.deepEqual(
    download.blocks.slice(cancelledAt).sort((x, y) => x - y),
    [7, 8, ...range(10, 30)],
  )
  assert.deepEqual([download.rejected, download.badBlocks, download.channel.requestedBlocks], [[], 0, 0])
  // What was cancelled was not sent: but for what was on its way.
  assert.ok((source.uploads[0]?.uploadedBytes ?? 0) <= 21 * 64 * 1024)
})

test('blocks that are not there are rejected', async (t) => {
  const undo = undoAfter(t)
  const source = await startSource(undo, '127.41.7.1')
  const layer = new TestLayer(source.context.buffers, 32)
  for (const block of [3, 4, 5, 31]) layer.present.clear(block)
  source.layers.push(layer)
  const download = new Download(connectLane(undo, source), layer)
  download.channel.request(0, 32)
  await download.until(() => download.blocks.length + download.rejected.length === 32)
  assert.deepEqual(download.rejected, [3, 4, 5, 31])
  assert.equal(download.channel.requestedBlocks, 0)
})

test('the source chooses as many blocks as are wanted, after those that were asked for, and goes on when woken', async (t) => {
  const undo = undoAfter(t)
  const choices = [9, 8, 7]
  const source = await startSource(undo, '127.41.8.1', { choices })
  const layer = new TestLayer(source.context.buffers, 32)
  source.layers.push(layer)
  const download = new Download(connectLane(undo, source), layer)
  download.channel.want(2)
  download.channel.request(0, 4)
  await download.until(() => download.chosen.length === 2 && download.blocks.length === 4)
  assert.deepEqual(download.chosen, [9, 8])
  download.channel.want(3)
  await download.until(() => download.chosen.length === 3)
  const [upload] = source.uploads
  upload?.choices.push(20, 21, 22)
  upload?.handle.wake()
  await download.until(() => download.chosen.length === 5)
  assert.deepEqual([download.chosen, download.channel.wantedBlocks], [[9, 8, 7, 20, 21], 0])
})

test('a source whose choice is not there, or cannot be read, stays unharmed', async (t) => {
  const undo = undoAfter(t)
  const source = await startSource(undo, '127.41.16.1', { choices: [3, 4] })
  const layer = new TestLayer(source.context.buffers, 32)
  layer.present.clear(3)
  source.layers.push(layer)
  const download = new Download(connectLane(undo, source), layer)
  download.channel.want(1)
  download.channel.request(0, 1)
  await download.until(() => download.blocks.length === 1)
  assert.deepEqual([download.chosen, download.channel.wantedBlocks], [[], 1])
  source.uploads[0]?.handle.wake()
  await download.until(() => download.chosen.length === 1)
  const { readBlock } = layer
  layer.readBlock = () => Promise.reject(new Error('disk'))
  download.channel.request(5, 2)
  await download.until(() => download.rejected.length === 2)
  layer.readBlock = () => {
    throw new Error('closed')
  }
  download.channel.request(7, 1)
  await download.until(() => download.rejected.length === 3)
  layer.readBlock = readBlock
  download.channel.request(9, 1)
  await download.until(() => download.blocks.includes(9))
  assert.deepEqual([download.rejected, download.badBlocks], [[5, 6, 7], 0])
})

test('the source hears what is needed and what arrived of its choice', async (t) => {
  const undo = undoAfter(t)
  const source = await startSource(undo, '127.41.15.1', { choices: range(20) })
  const layer = new TestLayer(source.context.buffers, 20)
  // More pieces than one frame has bits for.
  const large = new TestLayer(source.context.buffers, 600_000, { blockBytes: 16 })
  source.layers.push(layer, large)
  const lane = connectLane(undo, source)
  for (const each of [layer, large]) {
    const download = new Download(lane, each)
    const bits = Buffer.alloc(Math.ceil(each.blockCount / 8))
    bits[0] = 0x81
    bits[bits.length - 1] = 0x10
    download.channel.need(bits)
    download.channel.want(3)
    await download.until(() => download.chosen.length === 3)
    download.channel.arrived(2)
    download.channel.want(1)
    await download.until(() => download.chosen.length === 4)
    const upload = source.uploads.at(-1)
    assert.equal(upload?.arrivedBlocks, 2)
    assert.ok(upload?.need.equals(bits))
    assert.throws(() => download.channel.need(bits.subarray(1)), TypeError)
  }
})

test('layers on one lane take turns', async (t) => {
  const undo = undoAfter(t)
  const source = await startSource(undo, '127.41.9.1')
  for (let n = 0; n < 3; n += 1) source.layers.push(new TestLayer(source.context.buffers, 30))
  const lane = connectLane(undo, source)
  const order: number[] = []
  const downloads = source.layers.map((layer) => new Download(lane, layer))
  for (const [index, download] of downloads.entries()) {
    download.channel.request(0, 30)
    download.onEvent = () => order.push(index)
  }
  await new Promise<void>((resolve) => {
    const [, , last] = downloads
    if (last === undefined) return
    last.onEvent = () => {
      order.push(2)
      if (order.length >= 85 && last.blocks.length === 30) resolve()
    }
  })
  const counts = range(3).map((index) => order.slice(0, 45).filter((of) => of === index).length)
  for (const count of counts) assert.ok(count >= 12, `${counts}`)
})

test('of many haves soon after each other there are few frames', async (t) => {
  const undo = undoAfter(t)
  const source = await startSource(undo, '127.41.10.1')
  const layer = new TestLayer(source.context.buffers, 5000, { blockBytes: 4096 })
  source.layers.push(layer)
  const download = new Download(connectLane(undo, source), layer)
  let events = 0
  download.channel.request(0, 1)
  await download.until(() => download.blocks.length === 1)
  const [upload] = source.uploads
  for (let piece = 0; piece < 1000; piece += 1) upload?.handle.have(piece)
  await download.until(() => {
    events += 1
    return download.haves.length === 1000
  })
  assert.deepEqual(download.haves, range(1000))
  assert.ok(events <= 4, `${events}`)
})

test('a layer that the source does not give, or no longer, closes its channel and no other', async (t) => {
  const undo = undoAfter(t)
  const source = await startSource(undo, '127.41.11.1')
  const layer = new TestLayer(source.context.buffers, 30)
  source.layers.push(layer)
  const lane = connectLane(undo, source)
  const refused = new Download(lane, new TestLayer(source.context.buffers, 3))
  const given = new Download(lane, layer)
  await refused.until(() => refused.isClosed)
  refused.channel.request(0, 1)
  await given.all()
  source.uploads[0]?.handle.close()
  await given.until(() => given.isClosed)
  assert.equal(source.uploads[0]?.isClosed, true)
  const again = new Download(lane, layer)
  await again.all()
  again.channel.close()
  const other = new Download(lane, layer)
  await other.all()
  assert.equal(source.uploads[1]?.isClosed, true)
  assert.deepEqual([again.isClosed, lane.isClosed], [false, false])
})

test('a channel closed while its blocks come leaves the others unharmed, again and again', async (t) => {
  const undo = undoAfter(t)
  const source = await startSource(undo, '127.41.12.1', { rates: { upBytesPerSecond: 50_000_000 } })
  for (let n = 0; n < 2; n += 1) source.layers.push(new TestLayer(source.context.buffers, 60))
  const [kept, left] = source.layers
  assert.ok(kept !== undefined && left !== undefined)
  const lane = connectLane(undo, source)
  const download = new Download(lane, kept)
  const all = download.all(8)
  for (let round = 0; round < 20; round += 1) {
    const other = new Download(lane, left)
    other.channel.request(0, 40)
    await other.until(() => other.bytes > round * 3000)
    other.channel.close()
  }
  await all
  assert.deepEqual([download.blocks.length, download.badBlocks], [60, 0])
})

test('who connects again takes the place of the older lane', async (t) => {
  const undo = undoAfter(t)
  const source = await startSource(undo, '127.41.13.1')
  const layer = new TestLayer(source.context.buffers, 30)
  source.layers.push(layer)
  const peerId = newPeerId()
  const older = new Download(connectLane(undo, source, { peerId }), layer)
  await older.all()
  const newer = new Download(connectLane(undo, source, { peerId }), layer)
  await newer.all()
  await older.until(() => older.isClosed)
  assert.equal(source.server.laneCount, 1)
  // The same peer id from elsewhere is somebody else.
  const claimant = new Download(connectLane(undo, source, { peerId, localHost: '127.41.13.2' }), layer)
  await claimant.all()
  assert.deepEqual([newer.isClosed, source.server.laneCount], [false, 2])
  source.server.closeHost('127.41.13.2')
  assert.equal(source.server.laneCount, 1)
  source.server.closeHost(source.host)
  await newer.until(() => newer.isClosed)
  assert.equal(source.server.laneCount, 0)
})

test('a closed lane says so once to each channel, and opens no more', async (t) => {
  const undo = undoAfter(t)
  const source = await startSource(undo, '127.41.14.1')
  const layer = new TestLayer(source.context.buffers, 30)
  source.layers.push(layer)
  const lane = connectLane(undo, source)
  let closed = 0
  lane.onClose = () => {
    closed += 1
  }
  const download = new Download(lane, layer)
  download.channel.request(0, 30)
  await download.until(() => download.blocks.length > 0)
  lane.close()
  lane.close()
  assert.deepEqual([closed, download.isClosed, lane.isClosed, download.channel.isClosed], [1, true, true, true])
  const late = new Download(lane, layer)
  late.channel.request(0, 1)
  await late.until(() => late.isClosed)
})
