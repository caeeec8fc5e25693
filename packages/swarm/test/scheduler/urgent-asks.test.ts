import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PIECE_BYTES, SchedulerFixture } from './scheduler-fixture.ts'

/** A piece that somebody waits for, asked of `a`, which has nothing else to do. */
function waiting() {
  const fixture = new SchedulerFixture({ pieceCount: 4, have: [0, 1, 2] })
  const a = fixture.add('near', [3], 'a')
  a.bytesPerSecond = 100 * PIECE_BYTES
  fixture.scheduler.prioritise(3, 'on-demand')
  fixture.scheduler.fill()
  assert.deepEqual(fixture.askedOf(a), [3])
  return { fixture, a }
}

/** Looks after so long what is late. */
function raceAfter(fixture: SchedulerFixture, ms: number): void {
  fixture.now += ms
  fixture.scheduler.race()
}

test('what is late is asked of a second source, once, and what comes first is taken', () => {
  const { fixture, a } = waiting()
  const b = fixture.add('near', [3], 'b')
  const c = fixture.add('near', [3], 'c')
  raceAfter(fixture, 10)
  assert.deepEqual([fixture.askedOf(b), fixture.askedOf(c)], [[], []])
  raceAfter(fixture, 200)
  raceAfter(fixture, 10_000)
  assert.equal(fixture.askedOf(b).length + fixture.askedOf(c).length, 1)
  const second = fixture.askedOf(b).length === 1 ? b : c
  fixture.scheduler.onReceived(second, 3)
  fixture.scheduler.onStored(3)
  assert.deepEqual(fixture.cancelled, [{ source: a, piece: 3 }])
})

test('the origin is asked second although a peer has the piece, and not before', () => {
  const { fixture } = waiting()
  const origin = fixture.add('origin', [3], 'seed')
  fixture.scheduler.fill()
  assert.deepEqual(fixture.askedOf(origin), [])
  raceAfter(fixture, 200)
  assert.deepEqual(fixture.askedOf(origin), [3])
})

test('with nobody else to ask, whoever comes is asked', () => {
  const { fixture } = waiting()
  raceAfter(fixture, 200)
  const b = fixture.add('near', [3], 'b')
  raceAfter(fixture, 10)
  assert.deepEqual(fixture.askedOf(b), [3])
})

test('what is late follows what reads take', () => {
  const fixture = new SchedulerFixture({ pieceCount: 400 })
  const a = fixture.add('near', undefined, 'a')
  const read = (piece: number, ms: number) => {
    fixture.scheduler.prioritise(piece, 'on-demand')
    fixture.scheduler.fill()
    fixture.now += ms
    fixture.scheduler.onReceived(a, piece)
    fixture.scheduler.onStored(piece)
  }
  a.bytesPerSecond = 1000 * PIECE_BYTES
  for (let piece = 0; piece < 200; piece += 1) read(piece, 300)
  const b = fixture.add('near', [399], 'b')
  a.bytesPerSecond = 1000 * PIECE_BYTES
  fixture.scheduler.prioritise(399, 'on-demand')
  const before = fixture.askedOf(b).length + fixture.askedOf(a).length
  raceAfter(fixture, 500)
  assert.equal(fixture.askedOf(b).length + fixture.askedOf(a).length, before)
})

test('what nobody waits for any more is not raced', () => {
  const { fixture } = waiting()
  const b = fixture.add('near', [3], 'b')
  fixture.scheduler.prioritise(3, 'plan')
  raceAfter(fixture, 200)
  assert.deepEqual(fixture.askedOf(b), [])
})

test('what a second source was asked for since it was late in its turn is not asked of a third', () => {
  const fixture = new SchedulerFixture({ pieceCount: 1 })
  const { scheduler } = fixture
  fixture.add('near')
  fixture.tickAfter(0)
  scheduler.prioritise(0, 'on-demand')
  fixture.now += 10_000
  const others = [fixture.add('near'), fixture.add('near')]
  fixture.tickAfter(0)
  const askers = () => [...scheduler.sources].filter(({ asked }) => asked.has(0))
  assert.equal(askers().length, 2)
  scheduler.race()
  assert.equal(askers().length, 2)
  // One of them lets us down, and somebody waits still.
  const [other] = others.filter((each) => each.asked.has(0))
  assert.ok(other !== undefined)
  scheduler.removeSource(other)
  scheduler.race()
  assert.equal(askers().length, 2)
})
