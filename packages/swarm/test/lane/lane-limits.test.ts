import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@shoal/core'
import { undoAfter } from '../../../../test/harness/undo.ts'
import { until } from '../../../../test/harness/until.ts'
import { FRAME } from '../../src/lane/frame.ts'
import { connectLane, Download, startSource, TestLayer } from './lane-fixture.ts'
import { RawLane } from './raw-lane.ts'

/** What the limit lets through at once after rest, and a slice of debt, as time at the full rate. */
const BURST_SECONDS = 0.25

test('the upload limit holds over several lanes', async (t) => {
  const undo = undoAfter(t)
  for (const upBytesPerSecond of [20_000_000, 1_000_000]) {
    const source = await startSource(undo, '127.41.40.1', { rates: { upBytesPerSecond } })
    const layer = new TestLayer(source.context.buffers, 300, { blockBytes: 256 * 1024 })
    source.layers.push(layer)
    const downloads = [0, 1, 2].map(() => new Download(connectLane(undo, source), layer))
    const startAt = performance.now()
    for (const { channel } of downloads) channel.request(0, 200)
    await new Promise((resolve) => setTimeout(resolve, 2000))
    const seconds = (performance.now() - startAt) / 1000
    const bytes = source.uploads.reduce((sum, { uploadedBytes }) => sum + uploadedBytes, 0)
    const [most, least] = [upBytesPerSecond * (seconds + BURST_SECONDS) * 1.01, upBytesPerSecond * seconds * 0.95]
    assert.ok(bytes <= most && bytes >= least, `${bytes} ${least} ${most}`)
    // Blocks come one after the other, not all at once at the end.
    const blocks = downloads.reduce((sum, { blocks: { length } }) => sum + length, 0)
    assert.ok(blocks >= bytes / (256 * 1024) - 3, `${blocks} ${bytes}`)
    source.server.close()
  }
})

test('haves and rejects do not wait for the rest of a block that is limited', async (t) => {
  const undo = undoAfter(t)
  const source = await startSource(undo, '127.41.41.1', { rates: { upBytesPerSecond: 100_000 } })
  const layer = new TestLayer(source.context.buffers, 10, { blockBytes: 256 * 1024 })
  source.layers.push(layer)
  const download = new Download(connectLane(undo, source), layer)
  download.channel.request(0, 3)
  await until('the block to begin', async () => download.bytes > 0, { everyMs: 5 })
  source.uploads[0]?.handle.have(7)
  download.channel.cancel(2, 1)
  await download.until(() => download.haves.length === 1)
  assert.deepEqual([download.blocks, download.haves], [[], [7]])
})

test('what is urgent on one lane goes before what others wait for', async (t) => {
  const undo = undoAfter(t)
  const source = await startSource(undo, '127.41.42.1', { rates: { upBytesPerSecond: 2_000_000 } })
  const layer = new TestLayer(source.context.buffers, 100, { blockBytes: 256 * 1024 })
  source.layers.push(layer)
  const others = [0, 1, 2, 3, 4].map(() => new Download(connectLane(undo, source), layer))
  for (const { channel } of others) channel.request(0, 40)
  const [first] = others
  await first?.until(() => first.blocks.length > 1)
  const reader = new Download(connectLane(undo, source), layer)
  const before = source.uploads.reduce((sum, { uploadedBytes }) => sum + uploadedBytes, 0)
  reader.channel.request(50, 1, { urgent: true })
  await reader.until(() => reader.blocks.length === 1)
  const passed = source.uploads.reduce((sum, { uploadedBytes }) => sum + uploadedBytes, 0) - before
  assert.ok(passed <= 3 * 256 * 1024, `${passed}`)
})

test('of several layers the first in order goes first, and equals get by their weights, over all lanes', async (t) => {
  const undo = undoAfter(t)
  const upBytesPerSecond = 8_000_000
  const terms = [{ priority: 90 }, { weight: 30 }, { weight: 10 }]
  const source = await startSource(undo, '127.41.45.1', {
    rates: { upBytesPerSecond },
    termsOf: (layer) => terms[source.layers.indexOf(layer)] ?? {},
  })
  for (let n = 0; n < 3; n += 1) source.layers.push(new TestLayer(source.context.buffers, 150))
  const [first, heavy, light] = source.layers
  assert.ok(first !== undefined && heavy !== undefined && light !== undefined)
  // One that takes both of the equals, one for each, and one for what goes first.
  const lanes = [0, 1, 2, 3].map(() => connectLane(undo, source))
  const download = (lane: number, layer: TestLayer) => {
    const { [lane]: client } = lanes
    assert.ok(client !== undefined)
    return new Download(client, layer)
  }
  const equals = [download(0, heavy), download(0, light), download(1, heavy), download(2, light)]
  const before = download(3, first)
  for (const { channel } of [before, ...equals]) channel.request(0, 150)
  const bytes = () => equals.reduce((sum, one) => sum + one.bytes, 0)
  await before.until(() => before.blocks.length === 150)
  assert.ok(bytes() < before.bytes / 3, `${bytes()}`)
  // In the order of their coming: how soon this process looks at them does not matter.
  const arrivals: TestLayer[] = []
  for (const one of equals) one.onEvent = () => arrivals.push(one.layer)
  await until('the half of it', async () => arrivals.length >= 200, { everyMs: 5 })
  const heavyCount = arrivals.slice(0, 200).filter((layer) => layer === heavy).length
  const share = heavyCount / (200 - heavyCount)
  assert.ok(share > 2.6 && share < 3.4, `${share}`)
})

test('a limit that is lifted lets those go on who wait', async (t) => {
  const undo = undoAfter(t)
  const source = await startSource(undo, '127.41.43.1', { rates: { upBytesPerSecond: 20_000 } })
  const layer = new TestLayer(source.context.buffers, 40)
  source.layers.push(layer)
  const downloads = [0, 1, 2].map(() => new Download(connectLane(undo, source), layer))
  const all = Promise.all(downloads.map((download) => download.all()))
  await until('a byte', async () => downloads.some(({ bytes }) => bytes > 0), { everyMs: 5 })
  source.limits.set({ upBytesPerSecond: null })
  await all
})

test('clients that do not read do not keep the buffers from others for long', async (t) => {
  const undo = undoAfter(t)
  const watchClock = new ManualClock()
  const source = await startSource(undo, '127.41.44.1', { bufferCount: 8, watchClock })
  const layer = new TestLayer(source.context.buffers, 256, { blockBytes: 256 * 1024 })
  source.layers.push(layer)
  const stuck: RawLane[] = []
  for (let n = 0; n < 2; n += 1) {
    const lane = await RawLane.client(undo, source, { join: layer.manifest.infoHash })
    lane.socket.pause()
    lane.send({ type: FRAME.request, a: 0, b: 256 })
    stuck.push(lane)
  }
  const { buffers } = source.context
  let last = -1
  await until('the sockets to be full', async () => {
    const uploaded = source.uploads.reduce((sum, { uploadedBytes }) => sum + uploadedBytes, 0)
    const isStill = uploaded === last && buffers.usedCount === 4
    last = uploaded
    return isStill
  })
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second += 1) {
      watchClock.advance(1000)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  // Nobody else wants the buffers yet.
  await pass(20)
  assert.equal(source.server.laneCount, 2)
  const download = new Download(connectLane(undo, source), layer)
  const all = download.all()
  await until('the third', async () => source.uploads.length === 3, { everyMs: 5 })
  await pass(2)
  await all
  assert.equal(source.server.laneCount, 1)
  // A lane without a channel is not kept either.
  download.channel.close()
  await until('the channel to be closed', async () => source.uploads[2]?.isClosed === true, { everyMs: 5 })
  await pass(58)
  assert.equal(source.server.laneCount, 1)
  await pass(4)
  assert.equal(source.server.laneCount, 0)
})
