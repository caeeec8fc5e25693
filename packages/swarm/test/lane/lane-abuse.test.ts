import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BlockBuffers, ManualClock, steadyClock } from '@shoal/core'
import { undoAfter } from '../../../../test/harness/undo.ts'
import { until } from '../../../../test/harness/until.ts'
import { FRAME } from '../../src/lane/frame.ts'
import { createLaneContext } from '../../src/lane/lane-context.ts'
import { LaneWatch } from '../../src/lane/lane-watch.ts'
import { connectLane, Download, newContext, startSource, TestLayer } from './lane-fixture.ts'
import { RawLane, rawSource } from './raw-lane.ts'

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

test('a NEED counts as what it costs, however short it is', async (t) => {
  const undo = undoAfter(t)
  const source = await startSource(undo, '127.41.60.1')
  const layer = new TestLayer(source.context.buffers, 100_000, { blockBytes: 128 })
  source.layers.push(layer)
  const lane = await RawLane.client(undo, source, { join: layer.manifest.infoHash })
  for (let n = 0; n < 200; n += 1) lane.send({ type: FRAME.need, a: 8 * n, payload: Buffer.of(0xff) })
  await lane.closed
})

test('a block that comes drop by drop is given up when others wait for its buffer, and only then', async (t) => {
  const undo = undoAfter(t)
  const layer = new TestLayer(new BlockBuffers({ count: 1 }), 8)
  const dribbles: (() => void)[] = []
  const source = await rawSource(undo, '127.41.61.1', (lane) => {
    void lane.frame(FRAME.request).then(() => {
      const bytes = layer.bytesOf(0)
      lane.send({ type: FRAME.block, length: bytes.length, payload: bytes.subarray(0, 1) })
      dribbles.push(() => lane.socket.write(bytes.subarray(1, 2)))
    })
  })
  const clock = new ManualClock()
  const buffers = new BlockBuffers({ count: 2 })
  const context = { ...createLaneContext({ clock: steadyClock, buffers }), watch: new LaneWatch(clock) }
  const lanes = [0, 1].map(() => connectLane(undo, source, { context }))
  const second = async (downloads: readonly Download[]) => {
    const before = downloads.map(({ bytes }) => bytes)
    for (const dribble of dribbles) dribble()
    const all = async () => downloads.every(({ bytes }, index) => bytes > (before[index] ?? 0))
    await until('a drop to come', all, { everyMs: 1, timeoutMs: 5000 })
    clock.advance(1000)
    await turn()
  }
  const downloads: Download[] = []
  for (const lane of lanes) {
    const download = new Download(lane, layer)
    downloads.push(download)
    download.channel.request(0, 1)
    await until('its first byte', async () => download.bytes > 0, { everyMs: 1, timeoutMs: 5000 })
  }
  for (let seconds = 0; seconds < 40; seconds += 1) await second(downloads)
  assert.ok(lanes.every(({ isClosed }) => !isClosed))
  const last = connectLane(undo, source, { context })
  new Download(last, layer).channel.request(0, 1)
  await until('somebody to wait', async () => context.intake.isPressed, { everyMs: 1, timeoutMs: 5000 })
  for (let seconds = 0; seconds < 12 && context.intake.isPressed; seconds += 1) await second(downloads)
  // One is enough: nobody waits any more.
  assert.deepEqual(
    [...lanes, last].map(({ isClosed }) => isClosed),
    [true, false, false],
  )
  for (const lane of [...lanes, last]) lane.close()
  assert.equal(buffers.usedCount, 0)
})

test('a lane that nobody uses any more is closed, also when its source does not', async (t) => {
  const undo = undoAfter(t)
  const layer = new TestLayer(new BlockBuffers({ count: 1 }), 8)
  const source = await rawSource(undo, '127.41.62.1', () => {})
  const clock = new ManualClock()
  const lane = connectLane(undo, source, { context: { ...newContext(undo), watch: new LaneWatch(clock) } })
  const { channel } = new Download(lane, layer)
  for (let second = 0; second < 4; second += 1) {
    clock.advance(1000)
    await turn()
  }
  await until('the connection', async () => !lane.isClosed, { everyMs: 1, timeoutMs: 1000 })
  channel.close()
  let seconds = 0
  for (; seconds < 100 && !lane.isClosed; seconds += 1) {
    clock.advance(1000)
    await turn()
  }
  assert.ok(seconds > 20 && seconds < 40, `${seconds} s`)
  assert.equal(lane.wasIdle, true)
})
