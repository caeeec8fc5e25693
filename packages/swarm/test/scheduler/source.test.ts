import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Source } from '../../src/scheduler/source.ts'

const BYTES = 100_000
const buildSource = () => new Source({ node: 'a', place: 'near', pieceCount: 16 })

test('what is asked of it is in flight until it ends', () => {
  const source = buildSource()
  source.onAsked(1, BYTES, 0)
  source.onAsked(2, BYTES, 10)
  assert.equal(source.inFlightBytes, 2 * BYTES)
  assert.equal(source.onEnded(1, BYTES, 20, true), 0)
  assert.equal(source.onEnded(2, BYTES, 20, false), 10)
  assert.equal(source.inFlightBytes, 0)
  assert.equal(source.onEnded(2, BYTES, 20, false), undefined)
  assert.equal(source.inFlightBytes, 0)
})

test('its rate is that at which pieces come one after another, not each since it was asked for', () => {
  const source = buildSource()
  for (let piece = 0; piece < 10; piece += 1) source.onAsked(piece, BYTES, 0)
  for (let piece = 0; piece < 10; piece += 1) source.onEnded(piece, BYTES, (piece + 1) * 100, true)
  assert.equal(source.bytesPerSecond, 1_000_000)
})

test('time in which nothing is asked of it does not make it slow', () => {
  const source = buildSource()
  source.onAsked(1, BYTES, 0)
  source.onEnded(1, BYTES, 100, true)
  source.onAsked(2, BYTES, 60_000)
  source.onEnded(2, BYTES, 60_100, true)
  assert.equal(source.bytesPerSecond, 1_000_000)
})

test('the rate follows what it does of late, and what did not come says nothing of it', () => {
  const source = buildSource()
  source.onAsked(1, BYTES, 0)
  source.onEnded(1, BYTES, 100, true)
  for (let now = 100, piece = 2; piece < 16; piece += 1, now += 1000) {
    source.onAsked(piece, BYTES, now)
    source.onEnded(piece, BYTES, now + 1000, true)
  }
  assert.ok(source.bytesPerSecond < 150_000)
  const before = source.bytesPerSecond
  source.onAsked(1, BYTES, 100_000)
  source.onEnded(1, BYTES, 100_001, false)
  assert.equal(source.bytesPerSecond, before)
})

test('it is not silent for time before it was asked', () => {
  const source = buildSource()
  source.onAsked(1, BYTES, 60_000)
  assert.equal(source.lastDataAt, 60_000)
})
