import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { ShoalError } from '@shoal/core'
import { DEFAULT_LAYER_TERMS } from '../src/layer-terms.ts'
import { bytesOf, FakeLane, PIECE, PIECES, settle, setUp } from './downloads-fixture.ts'

const never = new AbortController().signal

/** A source whose lane has been asked for its share of the layer. */
async function busySource() {
  const parts = await setUp()
  const { link, wire } = parts.connect('busy')
  const lane = new FakeLane()
  parts.downloads.openLane(link, lane.join)
  await settle()
  const idle = Array.from({ length: PIECES }, (_, piece) => piece).find((piece) => !lane.requested.includes(piece))
  assert.ok(idle !== undefined)
  return { ...parts, link, wire, lane, idle }
}

test('a block that is waited for is asked for at once, whatever is in flight, and given when it is stored', async () => {
  const { downloads, lane, idle, layer } = await busySource()
  const demand = downloads.demand(idle, 1, { signal: never })
  assert.deepEqual(lane.urgent, [idle])
  lane.send(idle, { isChosen: false })
  assert.deepEqual(await demand, [])
  assert.equal(layer.present.has(idle), true)
})

test('what is on its way already is hurried', async () => {
  const { downloads, lane } = await busySource()
  const [asked = -1] = lane.requested.slice(-1)
  const demand = downloads.demand(asked, 1, { signal: never })
  assert.deepEqual(lane.urgent, [asked])
  lane.send(asked, { isChosen: false })
  await demand
})

test('what is here is given at once, and asked of nobody', async () => {
  const { downloads, lane } = await busySource()
  const [first = -1] = lane.requested
  lane.send(first, { isChosen: false })
  await settle()
  assert.deepEqual(await downloads.demand(first, 1, { signal: never }), [])
  assert.deepEqual(lane.urgent, [])
})

test('a block that is late is asked of a second source', async () => {
  const { downloads, lane, idle, connect, clock } = await busySource()
  const demand = downloads.demand(idle, 1, { signal: never })
  assert.deepEqual(lane.urgent, [idle])
  const { wire: other } = connect('other')
  await settle()
  other.answerAll()
  await settle()
  assert.equal(
    other.asked.some(({ piece }) => piece === idle),
    false,
  )
  const asked = once(other, `asked ${idle}`)
  clock.advance(60_000)
  await asked
  other.answerAll()
  assert.deepEqual(await demand, [])
})

test('with nobody to ask it waits, and is asked of the first who comes', async () => {
  const { downloads, connect } = await setUp()
  const demand = downloads.demand(3, 1, { signal: never })
  await settle()
  const { wire } = connect('late')
  await settle()
  assert.equal(wire.asked[0]?.piece, 3)
  wire.answerAll()
  await demand
})

test('what cannot be stored is given all the same, and asked for while the store fails', async () => {
  const { downloads, lane, idle, layer } = await busySource()
  layer.writeBlock = () => Promise.reject(new ShoalError('SHOAL_STORE_FULL', 'full', { hint: 'none' }))
  for (const block of [idle, lane.requested[0] ?? 0]) {
    const demand = downloads.demand(block, 1, { signal: never })
    await settle()
    assert.equal(lane.urgent.at(-1), block)
    lane.send(block, { isChosen: false })
    assert.deepEqual(await demand, [{ block, bytes: bytesOf(block) }])
    assert.equal(layer.present.has(block), false)
  }
})

test('a reader that goes waits no longer, and what it waited for is ordinary again', async () => {
  const { downloads, lane, idle } = await busySource()
  const reader = new AbortController()
  const demands = [downloads.demand(idle, 1, { signal: reader.signal }), downloads.demand(idle, 1, { signal: never })]
  reader.abort(new Error('gone'))
  await assert.rejects(demands[0] ?? Promise.resolve(), /gone/)
  lane.send(idle, { isChosen: false })
  assert.deepEqual(await demands[1], [])
  await assert.rejects(downloads.demand(0, 1, { signal: reader.signal }), /gone/)
})

test('who waits when the layer is left is told so', async () => {
  const { downloads, idle } = await busySource()
  const demand = downloads.demand(idle, 1, { signal: never })
  const left = assert.rejects(demand, { code: 'SHOAL_SWARM_LAYER_LEFT' })
  await downloads.stop()
  await left
  await assert.rejects(downloads.demand(idle, 1, { signal: never }), { code: 'SHOAL_SWARM_LAYER_LEFT' })
})

test('what will be read soon goes before the rest, and the origin is told so at once', async () => {
  const { downloads, connect, clock } = await setUp()
  const { link } = connect('seed', 'origin')
  const lane = new FakeLane()
  downloads.openLane(link, lane.join)
  await settle()
  clock.advance(100)
  downloads.hint(12, 3)
  assert.deepEqual(lane.needs.at(-1), Buffer.from([0x00, 0x0e]))
  for (const block of [12, 13, 14]) lane.send(block, { isChosen: true })
  await settle()
  clock.advance(100)
  downloads.tick()
  assert.deepEqual(lane.needs.at(-1), Buffer.from([0xff, 0xf1]))
})

test('while the rest waits the origin is told of what will be read soon only, and nothing else is asked for', async () => {
  const { downloads, connect, clock } = await setUp()
  downloads.setTerms({ ...DEFAULT_LAYER_TERMS, restWaits: true })
  const { link } = connect('seed', 'origin')
  const { wire } = connect('peer')
  const lane = new FakeLane()
  downloads.openLane(link, lane.join)
  await settle()
  assert.deepEqual([wire.asked, lane.requested, lane.wanted], [[], [], 0])
  downloads.hint(12, 1)
  await settle()
  assert.deepEqual(
    wire.asked.map(({ piece }) => piece),
    [12],
  )
  downloads.setTerms(DEFAULT_LAYER_TERMS)
  await settle()
  clock.advance(100)
  downloads.tick()
  assert.ok(wire.asked.length > 1)
})

test('a hint that nobody renews is forgotten', async () => {
  const { downloads, connect, clock } = await setUp()
  downloads.hint(12, 3)
  clock.advance(60_000)
  downloads.tick()
  const { link } = connect('seed', 'origin')
  const lane = new FakeLane()
  downloads.openLane(link, lane.join)
  await settle()
  assert.deepEqual(lane.needs.at(-1), Buffer.from([0xff, 0xff]))
})

test('blocks that the layer does not have are a mistake of the caller', async () => {
  const { downloads } = await setUp()
  await assert.rejects(downloads.demand(PIECES - 1, 2, { signal: never }), TypeError)
  assert.throws(() => downloads.hint(-1, 1), TypeError)
  assert.equal(PIECE * PIECES, 1024 ** 2)
})
