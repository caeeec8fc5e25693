import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { Bitfield, ManualClock, ShoalError, silentLogger, TokenBucket } from '@shoal/core'
import type Wire from 'bittorrent-protocol'
import { Downloads } from '../src/downloads.ts'
import { PeerLink } from '../src/peer-link.ts'
import type { UploadQueue } from '../src/upload-queue.ts'
import { buildLayer, storeLayer } from './layer-fixture.ts'

const PIECE = 64 * 1024
const { description, data } = buildLayer(16 * PIECE)

interface Asked {
  readonly piece: number
  readonly answer: (error: Error | null, bytes: Uint8Array) => void
}

/** The part of a wire that is needed: it unchoked us, and notes what it is asked. */
class FakeWire extends EventEmitter {
  readonly peerChoking = false
  readonly destroyed = false
  readonly asked: Asked[] = []

  request = (piece: number, _offset: number, _length: number, answer: Asked['answer']) => {
    this.asked.push({ piece, answer })
  }

  cancel = () => {}
}

async function setUp(rateBytesPerSecond = Number.POSITIVE_INFINITY) {
  const clock = new ManualClock()
  const links: PeerLink[] = []
  const layer = await storeLayer(description)
  const failures: ShoalError[] = []
  const downloads = new Downloads({
    clock,
    logger: silentLogger,
    random: () => 0,
    layer,
    limit: new TokenBucket(clock, { rateBytesPerSecond, burstBytes: PIECE }),
    links: () => links,
    onStored: () => {},
    onBadBlock: () => {},
    onStoreError: (error) => failures.push(error),
  })
  const connect = (host: string, role: 'peer' | 'origin' = 'peer') => {
    const wire = new FakeWire()
    const link = new PeerLink({
      wire: wire as unknown as Wire,
      host,
      dialled: undefined,
      uploads: {} as UploadQueue,
      pieceCount: 16,
      now: clock.now(),
    })
    link.hello = { role, node: host }
    link.isOpen = true
    link.pieces = new Bitfield(16)
    link.pieces.setAll()
    links.push(link)
    downloads.count(link)
    downloads.fill(link)
    return { link, wire }
  }
  const drop = (link: PeerLink) => {
    links.splice(links.indexOf(link), 1)
    link.isGone = true
    downloads.uncount(link)
    downloads.release(link)
    downloads.fillAll()
  }
  return { clock, links, layer, downloads, connect, drop, failures }
}

const bytesOf = (piece: number) => data.subarray(piece * PIECE, (piece + 1) * PIECE)

/** Lets what is resolved already run. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve))

test('a source that waits for the download limit is not silent, and what ends meanwhile costs nothing', async () => {
  const { clock, downloads, connect, drop } = await setUp(1024)
  const { link: first, wire } = connect('a')
  await settle()
  // The bucket gives one piece at once; the next costs a minute.
  assert.equal(wire.asked.length, 2)
  for (const { piece, answer } of wire.asked) answer(null, bytesOf(piece))
  await settle()
  const { link: second, wire: other } = connect('b')
  for (let step = 0; step < 10; step += 1) {
    clock.advance(5000)
    assert.deepEqual(downloads.checkStalls(), [])
  }
  assert.equal(first.isStalled || second.isStalled, false)
  drop(first)
  clock.advance(14_000)
  await settle()
  assert.equal(other.asked.length, 1)
})

test('a host that let us down is asked and not counted on, on its next connection too, until it delivers', async () => {
  const { clock, downloads, connect, drop } = await setUp()
  const { link } = connect('silent')
  await settle()
  const { wire: origin } = connect('origin', 'origin')
  await settle()
  assert.equal(origin.asked.length, 0)
  clock.advance(10_001)
  downloads.checkStalls()
  downloads.fillAll()
  await settle()
  assert.equal(origin.asked.length, 8)
  drop(link)
  for (const { piece, answer } of origin.asked.splice(0)) answer(null, bytesOf(piece))
  await settle()
  await settle()
  const back = connect('silent')
  await settle()
  assert.equal(back.link.isCounted, false)
  const [asked] = back.wire.asked
  if (asked !== undefined) asked.answer(null, bytesOf(asked.piece))
  await new Promise((resolve) => setTimeout(resolve, 20))
  assert.equal(asked === undefined || back.link.isCounted, true)
})

test('a source that only trickles is no reason to spare the origin', async () => {
  const { clock, downloads, connect } = await setUp()
  const { link, wire } = connect('trickle')
  await settle()
  for (let step = 0; step < 3; step += 1) {
    clock.advance(9000)
    const [next] = wire.asked.splice(0, 1)
    next?.answer(null, bytesOf(next.piece))
    await settle()
    assert.deepEqual(downloads.checkStalls(), [])
  }
  assert.equal(link.isStalled, false)
  assert.equal(link.isCounted, false)
})

test('a refused piece is not asked of the same source again, and who refuses too much is dropped', async () => {
  const { downloads, connect } = await setUp()
  const { link, wire } = connect('refuses')
  for (let round = 0; round < 4; round += 1) {
    await settle()
    for (const { answer } of wire.asked.splice(0)) answer(new Error('request was rejected'), new Uint8Array())
    downloads.fillAll()
  }
  assert.equal(link.refusals, 16)
  assert.equal(wire.asked.length, 0)
  link.refusals += 1
  assert.deepEqual(downloads.checkStalls(), [link])
})

test('what the store loses is noticed and wanted again', async () => {
  const { layer, downloads, connect } = await setUp()
  const { wire } = connect('a')
  await settle()
  for (const { piece, answer } of wire.asked.splice(0, 1)) answer(null, bytesOf(piece))
  await new Promise((resolve) => setTimeout(resolve, 20))
  assert.equal(downloads.have.count, 1)
  assert.equal(downloads.hasLost, false)
  const [lost = 0] = downloads.have.ones()
  layer.present.clear(lost)
  Object.assign(layer, { presentBytes: 0 })
  assert.equal(downloads.hasLost, true)
  assert.equal(downloads.refresh(), true)
  assert.equal(downloads.have.count, 0)
  assert.equal(downloads.hasLost, false)
})

test('stopping waits for the writes under way, and their failure is none', async () => {
  const { layer, downloads, connect, failures } = await setUp()
  const write = Promise.withResolvers<void>()
  layer.writeBlocks = () => write.promise
  const { wire } = connect('a')
  await settle()
  for (const { piece, answer } of wire.asked.splice(0, 1)) answer(null, bytesOf(piece))
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
