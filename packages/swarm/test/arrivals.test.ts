import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@shoal/core'
import { Arrivals } from '../src/arrivals.ts'
import { Source, type SourcePlace } from '../src/scheduler/source.ts'
import { FakeLane, PIECE, PIECES, settle, setUp } from './downloads-fixture.ts'

const MIB = 1024 ** 2

function build() {
  const clock = new ManualClock(1000)
  const arrivals = new Arrivals(clock)
  const source = (node: string, place: SourcePlace, rack = '') => {
    const one = new Source({ node, place, pieceCount: 100 })
    const from = { node, zone: rack === '' ? '' : 'z', rack, isOrigin: place === 'origin' }
    return {
      ask: (piece: number, priority: 'plan' | 'on-demand' = 'plan') => {
        one.onAsked(piece, MIB, clock.now())
        arrivals.asked(one, piece, priority)
      },
      give: (piece: number) => {
        arrivals.came(one, from, { piece, bytes: MIB })
        one.onEnded(piece, MIB, clock.now(), true)
      },
      fail: (piece: number) => one.onEnded(piece, MIB, clock.now(), false),
    }
  }
  const reasons = () => Object.fromEntries(arrivals.reasons.map(({ reason, pieces }) => [reason, pieces]))
  return { clock, arrivals, source, reasons }
}

test('the reason of a piece is why its source was asked: its place, or that somebody waited', () => {
  const { arrivals, source, reasons } = build()
  const all = { near: 'near', far: 'turn', origin: 'origin', unknown: 'rarest' } as const
  for (const [index, place] of (Object.keys(all) as (keyof typeof all)[]).entries()) {
    const one = source(place, place)
    one.ask(index)
    one.give(index)
  }
  const far = source('far', 'far')
  far.ask(10)
  far.ask(10, 'on-demand')
  far.give(10)
  assert.deepEqual(reasons(), { near: 1, turn: 1, origin: 1, rarest: 1, demanded: 1 })
  assert.equal(
    arrivals.reasons.reduce((sum, { bytes }) => sum + bytes, 0),
    5 * MIB,
  )
})

test('what two are asked for was raced only if the second gives it, and a source that was given up is no rival', () => {
  const { source, reasons } = build()
  const [first, second] = [source('a', 'near'), source('b', 'far')]
  for (const piece of [1, 2]) {
    first.ask(piece, 'on-demand')
    second.ask(piece, 'on-demand')
  }
  second.give(1)
  first.give(2)
  assert.deepEqual(reasons(), { raced: 1, demanded: 1 })
  first.ask(3)
  first.fail(3)
  second.ask(3)
  second.give(3)
  assert.deepEqual(reasons(), { raced: 1, demanded: 1, turn: 1 })
})

test('what an origin gives without being asked it has chosen, and nobody knows how long it took', () => {
  const { arrivals, source, reasons, clock } = build()
  const [origin, near] = [source('seed', 'origin'), source('a', 'near', 'r1')]
  near.ask(2)
  clock.advance(40)
  near.give(2)
  origin.give(1)
  assert.deepEqual(reasons(), { origin: 1, near: 1 })
  clock.advance(500)
  const samples = arrivals.takeSamples()
  const told = samples.map(({ node, rack, piece, reason, tookMs, ageMs }) => [node, rack, piece, reason, tookMs, ageMs])
  assert.deepEqual(told, [
    ['a', 'r1', 2, 'near', 40, 500],
    ['seed', '', 1, 'origin', 0, 500],
  ])
  assert.deepEqual(arrivals.takeSamples(), [])
})

test('what came is added up by rack, with its rate, and those who invent racks are told apart no further', () => {
  const { arrivals, source, clock } = build()
  for (let piece = 0; piece < 40; piece += 1) source(`n${piece}`, 'far', `r${piece}`).give(piece)
  source('n0', 'far', 'r0').give(50)
  source('seed', 'origin').give(51)
  const { racks } = arrivals
  assert.equal(racks.length, 18)
  const bytesOf = (wanted: string) => racks.find(({ rack, isOrigin }) => !isOrigin && rack === wanted)?.bytes
  assert.deepEqual([bytesOf('r0'), bytesOf('r15'), bytesOf('')], [2 * MIB, MIB, 24 * MIB])
  assert.ok(racks.every(({ bytesPerSecond }) => bytesPerSecond > 0))
  clock.advance(10_000)
  assert.ok(arrivals.racks.every(({ bytesPerSecond }) => bytesPerSecond === 0))
})

test('a download notes each of its pieces once, on wires and on lanes', async () => {
  const { downloads, connect } = await setUp()
  const { link } = connect('seed', 'origin')
  const lane = new FakeLane()
  downloads.openLane(link, lane.join)
  await settle()
  for (let piece = 0; piece < 6; piece += 1) lane.send(piece, { isChosen: true })
  const { wire } = connect('a')
  for (let round = 0; round < 20 && !downloads.have.isFull; round += 1) {
    await settle()
    wire.answerAll()
  }
  const { reasons, racks } = downloads.arrivals
  const pieces = Object.fromEntries(reasons.map((sum) => [sum.reason, sum.pieces]))
  assert.deepEqual(pieces, { origin: 6, rarest: PIECES - 6 })
  assert.equal(racks.find(({ isOrigin }) => isOrigin)?.bytes, 6 * PIECE)
})
