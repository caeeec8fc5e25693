import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Bitfield, ShoalError } from '@shoal/core'
import { bytesOf, FakeLane, PIECE, PIECES, settle, setUp } from './downloads-fixture.ts'

test('a layer comes whole from several sources, each piece from one', async () => {
  const { downloads, connect } = await setUp()
  const wires = ['a', 'b', 'c'].map((host) => connect(host).wire)
  const pieces: number[] = []
  for (let round = 0; round < 20 && !downloads.have.isFull; round += 1) {
    await settle()
    for (const wire of wires) pieces.push(...wire.answerAll())
  }
  assert.equal(downloads.have.isFull, true)
  assert.equal(new Set(pieces).size, pieces.length)
  assert.deepEqual(downloads.stats.fromPeersBytes, PIECES * PIECE)
})

test('a source that waits for the download limit is not silent, and what ends meanwhile uses up nothing', async () => {
  const { clock, downloads, connect, drop } = await setUp({ prefetchBytesPerSecond: PIECE })
  const { link: first, wire } = connect('a')
  await settle()
  wire.answerAll()
  const { link: second, wire: other } = connect('b')
  for (let second = 0; second < 20; second += 1) {
    wire.answerAll()
    other.answerAll()
    clock.advance(1000)
    assert.deepEqual(downloads.checkStalls(), [])
    await settle()
  }
  assert.equal(first.isStalled || second.isStalled, false)
  const { count } = downloads.have
  assert.ok(count > 4, `${count} pieces`)
  wire.answerAll()
  other.answerAll()
  drop(first)
  await settle()
  for (let second = 0; second < 20; second += 1) {
    other.answerAll()
    clock.advance(1000)
    downloads.tick()
    await settle()
  }
  assert.equal(downloads.have.isFull, true)
})

test('the origin is not asked for what a peer has, until the peer lets us down; then it is', async () => {
  const { clock, downloads, connect } = await setUp()
  const { wire: peer } = connect('mute')
  const { wire: origin } = connect('seed', 'origin')
  await settle()
  assert.ok(peer.asked.length > 0)
  assert.equal(origin.asked.length, 0)
  for (let second = 0; second < 6; second += 1) {
    clock.advance(1000)
    downloads.checkStalls()
    downloads.tick()
    await settle()
  }
  assert.ok(origin.asked.length > 0)
})

test('a refused piece is not asked of the same source again, and who refuses much is dropped', async () => {
  const { downloads, connect } = await setUp()
  const { link, wire } = connect('refuses')
  const refused: number[] = []
  for (let round = 0; round < 10; round += 1) {
    await settle()
    for (const { piece, answer } of wire.asked.splice(0)) {
      refused.push(piece)
      answer(new Error('request was rejected'), null)
    }
  }
  assert.equal(refused.length, PIECES)
  assert.equal(new Set(refused).size, PIECES)
  link.refusals += PIECES
  assert.deepEqual(downloads.checkStalls(), [link])
})

test('what a dropped source was asked for is asked of another', async () => {
  const { connect, drop, downloads } = await setUp()
  const { link, wire } = connect('gone')
  await settle()
  const lost = wire.asked.map(({ piece }) => piece)
  assert.ok(lost.length > 0)
  drop(link)
  const { wire: other } = connect('other')
  for (let round = 0; round < 10; round += 1) {
    await settle()
    other.answerAll()
  }
  assert.equal(downloads.have.isFull, true)
})

test('a bad block names who sent it, and its piece comes from another', async () => {
  const { downloads, connect, bad } = await setUp()
  const { wire } = connect('liar')
  await settle()
  const [asked] = wire.asked.splice(0, 1)
  asked?.answer(null, Buffer.alloc(PIECE))
  await settle()
  assert.deepEqual(bad, [`liar ${asked?.piece}`])
  for (let round = 0; round < 10; round += 1) {
    wire.answerAll()
    await settle()
  }
  assert.equal(downloads.have.isFull, true)
})

test('what the store loses is noticed and wanted again', async () => {
  const { layer, downloads, connect } = await setUp()
  const { wire } = connect('a')
  await settle()
  const [asked] = wire.asked.splice(0, 1)
  asked?.answer(null, bytesOf(asked.piece))
  await settle()
  assert.equal(downloads.have.count, 1)
  assert.equal(downloads.hasLost, false)
  layer.present.clear(asked?.piece ?? 0)
  Object.assign(layer, { presentBytes: 0 })
  assert.equal(downloads.hasLost, true)
  assert.equal(downloads.refresh(), true)
  assert.equal(downloads.have.count, 0)
  assert.equal(downloads.hasLost, false)
})

test('a full disk is told once and pauses asking, which goes on by itself', async () => {
  const { clock, layer, downloads, connect, failures } = await setUp()
  const { writeBlock } = layer
  layer.writeBlock = () => Promise.reject(new ShoalError('SHOAL_STORE_FULL', 'full', { hint: 'none' }))
  const { wire } = connect('a')
  await settle()
  wire.answerAll()
  await settle()
  assert.deepEqual(
    failures.map(({ code }) => code),
    ['SHOAL_STORE_FULL'],
  )
  downloads.tick()
  assert.equal(wire.asked.length, 0)
  layer.writeBlock = writeBlock
  for (let second = 0; second < 120 && !downloads.have.isFull; second += 1) {
    clock.advance(1000)
    downloads.tick()
    wire.answerAll()
    await settle()
  }
  assert.equal(downloads.have.isFull, true)
})

test('stopping waits for the writes under way, and their failure is none', async () => {
  const { layer, downloads, connect, failures } = await setUp()
  const write = Promise.withResolvers<void>()
  layer.writeBlock = () => write.promise
  const { wire } = connect('a')
  await settle()
  wire.answerAll()
  await settle()
  let isStopped = false
  const stopped = downloads.stop().then(() => {
    isStopped = true
  })
  await settle()
  assert.equal(isStopped, false)
  write.reject(new ShoalError('SHOAL_STORE_LAYER_UNKNOWN', 'gone', { hint: 'none' }))
  await stopped
  assert.deepEqual(failures, [])
})

test('where there is a lane, pieces come over it, and over the wire again when it closes', async () => {
  const { downloads, connect } = await setUp()
  const { link, wire } = connect('peer')
  const lane = new FakeLane()
  downloads.openLane(link, lane.join)
  await settle()
  assert.ok(lane.requested.length > 0)
  assert.equal(wire.asked.length, 0)
  for (const block of lane.requested.splice(0, 3)) lane.send(block, { isChosen: false })
  await settle()
  assert.equal(downloads.have.count, 3)
  lane.events?.onClose()
  for (let round = 0; round < 10; round += 1) {
    await settle()
    wire.answerAll()
  }
  assert.equal(lane.isLeft, true)
  assert.equal(downloads.have.isFull, true)
})

test('an origin with a lane is told what we need and may choose; what it chose is not asked of others', async () => {
  const { downloads, connect } = await setUp()
  const { link } = connect('seed', 'origin')
  const lane = new FakeLane()
  downloads.openLane(link, lane.join)
  await settle()
  assert.deepEqual(lane.requested, [])
  assert.ok(lane.wanted > 0)
  assert.deepEqual(lane.needs[0], Buffer.from([0xff, 0xff]))
  lane.send(5, { isChosen: true })
  const { wire } = connect('peer')
  await settle()
  assert.equal(downloads.have.has(5), true)
  assert.equal(downloads.stats.fromOriginBytes, PIECE)
  assert.ok(wire.asked.length > 0)
  assert.ok(wire.asked.every(({ piece }) => piece !== 5))
})

test('what a source gets is heard on its lane, and what it rejects is asked of another', async () => {
  const { downloads, connect } = await setUp()
  const { link } = connect('peer')
  downloads.setPieces(link, new Bitfield(PIECES))
  const lane = new FakeLane()
  downloads.openLane(link, lane.join)
  await settle()
  lane.requested.length = 0
  lane.events?.onHave([7])
  await settle()
  assert.deepEqual(lane.requested, [7])
  lane.events?.onReject(7, 1)
  const { wire } = connect('other')
  await settle()
  for (let round = 0; round < 10; round += 1) {
    wire.answerAll()
    await settle()
  }
  assert.equal(downloads.have.has(7), true)
  assert.deepEqual(lane.requested, [7])
})
