import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DashboardFrame, Event, NodeRow, Overview } from '@shoal/api'
import { ManualClock, silentLogger } from '@shoal/core'
import { EncodedJson, type StreamMessage } from '@shoal/service'
import { DashboardFeed } from '../../src/dashboard/dashboard-feed.ts'
import type { Picture } from '../../src/dashboard/fleet-picture.ts'

function row(id: string, presentBytes: number): NodeRow {
  return {
    ...{ id, zone: '', rack: '', state: 'ready', trouble: null, wantedBytes: 100, presentBytes, usedBytes: 0 },
    ...{ capacityBytes: 1, downBytesPerSecond: 0, upBytesPerSecond: 0, layers: 1, fetching: 1, boots: 0 },
    ...{ mode: 'active', modeReason: '', isDrained: false },
  }
}

/** A feed of a fleet that the test changes, on a clock that it moves. */
function createFeed() {
  const clock = new ManualClock(1_000_000)
  const fleet = { nodes: [row('n1', 0), row('n2', 0)], fresh: [] as Event[], taken: 0 }
  const pictures = {
    take: async (): Promise<Picture> => {
      fleet.taken += 1
      const overview = { at: new Date(clock.now()).toISOString() } as Overview
      return { at: clock.now(), overview, nodes: [...fleet.nodes], boots: [], plans: [], layers: [], images: [] }
    },
    drainEvents: () => fleet.fresh.splice(0),
  }
  const feed = new DashboardFeed(
    { pictures, events: { newest: [] }, traffic: { points: [] }, clock, logger: silentLogger },
    { epoch: 'run1' },
  )
  const stop = new AbortController()
  const read = (lastEventId?: string) => feed.subscribe({ lastEventId, signal: stop.signal })[Symbol.asyncIterator]()
  return { clock, fleet, feed, read, stop }
}

async function frameOf(next: Promise<IteratorResult<StreamMessage<DashboardFrame>>>) {
  const { value } = await next
  const { id, data } = value as StreamMessage<DashboardFrame>
  assert.ok(data instanceof EncodedJson)
  return { id: String(id), json: data.json, frame: JSON.parse(data.json) as DashboardFrame }
}

/** Moves time by a tick, and lets what waits for it run. */
async function tick(clock: ManualClock): Promise<void> {
  clock.advance(1000)
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
}

test('who comes gets all there is, then what changes, once a second', async () => {
  const { clock, fleet, read, stop } = createFeed()
  const reader = read()
  const first = await frameOf(reader.next())
  assert.equal(first.frame.isWhole, true)
  assert.deepEqual(first.frame.nodes, { set: fleet.nodes, gone: [] })
  fleet.nodes = [row('n1', 50), row('n3', 0)]
  const next = reader.next()
  await tick(clock)
  const second = await frameOf(next)
  assert.equal(second.frame.isWhole, false)
  assert.deepEqual(second.frame.nodes, { set: fleet.nodes, gone: ['n2'] })
  stop.abort()
})

test('ten readers cost what one does, and get the same bytes', async () => {
  const { clock, fleet, read, stop } = createFeed()
  const readers = Array.from({ length: 10 }, () => read())
  const firsts = await Promise.all(readers.map((reader) => frameOf(reader.next())))
  const nexts = readers.map((reader) => frameOf(reader.next()))
  await tick(clock)
  const seconds = await Promise.all(nexts)
  assert.equal(fleet.taken, 2)
  assert.equal(new Set(firsts.map(({ json }) => json)).size, 1)
  assert.equal(new Set(seconds.map(({ json }) => json)).size, 1)
  stop.abort()
})

test('a reader that was cut off gets what it missed, in order, and nothing twice', async () => {
  const { clock, fleet, read, stop } = createFeed()
  const witness = read()
  const { id } = await frameOf(witness.next())
  for (const bytes of [10, 20, 30]) {
    fleet.nodes = [row('n1', bytes), row('n2', 0)]
    const next = frameOf(witness.next())
    await tick(clock)
    await next
  }
  const back = read(id)
  const missed = [await frameOf(back.next()), await frameOf(back.next()), await frameOf(back.next())]
  assert.deepEqual(
    missed.map(({ frame }) => [frame.isWhole, frame.nodes.set.map(({ presentBytes }) => presentBytes)]),
    [
      [false, [10]],
      [false, [20]],
      [false, [30]],
    ],
  )
  stop.abort()
})

for (const lastEventId of ['run0-1', 'run1-99', 'run1-0', 'nonsense', '']) {
  test(`a reader that comes back with "${lastEventId}" gets everything anew`, async () => {
    const { read, stop } = createFeed()
    assert.equal((await frameOf(read(lastEventId).next())).frame.isWhole, true)
    stop.abort()
  })
}

test('one who is too far behind gets everything anew, and what is kept is bounded', async () => {
  const { clock, fleet, read, stop } = createFeed()
  const witness = read()
  const { id } = await frameOf(witness.next())
  for (let second = 0; second < 130; second += 1) {
    fleet.nodes = [row('n1', second)]
    const next = frameOf(witness.next())
    await tick(clock)
    await next
  }
  assert.equal((await frameOf(read(id).next())).frame.isWhole, true)
  stop.abort()
})

test('nothing is done any more a minute after the last reader has gone', async () => {
  const { clock, fleet, feed, read } = createFeed()
  const reader = read()
  await reader.next()
  assert.equal(feed.readers, 1)
  await reader.return?.(undefined)
  assert.equal(feed.readers, 0)
  for (let second = 0; second < 70; second += 1) await tick(clock)
  const taken = fleet.taken
  for (let second = 0; second < 10; second += 1) await tick(clock)
  assert.equal(fleet.taken, taken)
})
