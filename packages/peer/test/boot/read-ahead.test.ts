import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '@shoal/core'
import { ReadAhead } from '../../src/boot/read-ahead.ts'

const KIB = 1024
const MIB = 1024 * KIB

/** Reads a range piece by piece, and gives what was asked for beside that. */
function readOn(ahead: ReadAhead, start: number, end: number, step: number) {
  const asked = []
  for (let at = start; at < end; at += step) {
    const range = ahead.onRead(at, step)
    if (range !== undefined) asked.push({ at: at + step, ...range })
  }
  return asked
}

test('one read asks for nothing, the next that goes on does', () => {
  const ahead = new ReadAhead()
  equal(ahead.onRead(0, 4 * KIB), undefined)
  deepEqual(ahead.onRead(4 * KIB, 4 * KIB), { start: 8 * KIB, length: 512 * KIB })
})

test('the window of a stream doubles up to its bound, and nothing is asked for twice', () => {
  const asked = readOn(new ReadAhead(), 0, 64 * MIB, 64 * KIB)
  let end = 0
  for (const { start, length } of asked) {
    ok(start >= end)
    end = start + length
  }
  const windows = asked.map(({ at, start, length }) => start + length - at)
  deepEqual(windows.slice(0, 5), [512 * KIB, MIB, 2 * MIB, 4 * MIB, 8 * MIB])
  ok(windows.every((window) => window <= 8 * MIB))
  // Once it has grown, what is read next was asked for a while ago.
  ok(asked.slice(5).every(({ at, start }) => start - at >= 3 * MIB))
})

test('reads here and there ask for nothing', () => {
  const ahead = new ReadAhead()
  const random = seededRandom(7)
  for (let read = 0; read < 1000; read += 1) {
    equal(ahead.onRead(Math.floor(random() * 1024) * 4 * MIB, 64 * KIB), undefined)
  }
  ok(ahead.streamCount <= 32)
})

test('streams that are read in turns are told apart', () => {
  const ahead = new ReadAhead()
  for (let step = 0; step < 64; step += 1) {
    for (const file of [0, 1, 2, 3]) {
      const start = file * 1024 * MIB + step * 64 * KIB
      const range = ahead.onRead(start, 64 * KIB)
      if (range !== undefined) equal(Math.floor(range.start / (1024 * MIB)), file)
    }
  }
  equal(ahead.streamCount, 4)
})

test('reads that overtake each other are one stream', () => {
  const ahead = new ReadAhead()
  const order = [0, 2, 1, 3, 5, 4, 6, 8, 7, 9]
  const asked = order.map((at) => ahead.onRead(at * 32 * KIB, 32 * KIB)).filter((range) => range !== undefined)
  equal(ahead.streamCount, 1)
  ok(asked.length >= 1)
})

test('reading the same again and again asks for nothing', () => {
  const ahead = new ReadAhead()
  for (let read = 0; read < 100; read += 1) equal(ahead.onRead(MIB, 4 * KIB), undefined)
})
