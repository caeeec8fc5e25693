import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OriginOffers } from '../../src/scheduler/origin-offers.ts'
import { RackTurns } from '../../src/scheduler/rack-turns.ts'
import { pieceSet, range, SchedulerFixture } from './scheduler-fixture.ts'

test('what a doubtful source was asked for and does not finish is needed of the origin', () => {
  const fixture = new SchedulerFixture({ pieceCount: 2 })
  const origin = fixture.add('origin')
  origin.canChoose = true
  const dribbler = fixture.add('near')
  fixture.scheduler.fill()
  assert.deepEqual(fixture.askedOf(dribbler).toSorted(), [0, 1])
  assert.equal(fixture.scheduler.needOfOrigin().count, 0)
  fixture.scheduler.setDoubtful(dribbler, true)
  assert.equal(fixture.scheduler.needOfOrigin().count, 2)
  for (const piece of [0, 1]) {
    fixture.scheduler.onChosen(origin, piece)
    assert.equal(fixture.scheduler.needOfOrigin().has(piece), false)
    fixture.scheduler.onReceived(origin, piece)
    fixture.scheduler.onStored(piece)
  }
  assert.equal(fixture.scheduler.inFlightBytes, 0)
  assert.equal(dribbler.asked.size, 0)
})

test('what two doubtful sources were asked for is asked of a third, whatever is usual', () => {
  const fixture = new SchedulerFixture({ pieceCount: 1 })
  // From afar nothing ever came, so that no time is too late.
  const one = fixture.add('far')
  fixture.scheduler.fill()
  assert.deepEqual(fixture.askedOf(one), [0])
  fixture.scheduler.setDoubtful(one, true)
  const other = fixture.add('near')
  fixture.tickAfter(1)
  assert.deepEqual(fixture.askedOf(other), [0])
  fixture.scheduler.setDoubtful(other, true)
  const third = fixture.add('near')
  fixture.tickAfter(1)
  assert.deepEqual(fixture.askedOf(third), [0])
  for (let tick = 0; tick < 5; tick += 1) fixture.tickAfter(1)
  assert.equal(fixture.asked.length, 3)
})

test('a neighbour that names old pieces late, and neighbours that never fetch, hold the others up for a bounded time', () => {
  let now = 1
  const turns = new RackTurns({ node: 'self', pieceCount: 1000, now: () => now })
  for (const piece of range(0, 1000)) turns.seen(piece)
  const idlers = range(0, 10).map((index) => `idler-${index}`)
  for (const node of idlers) turns.add(node)
  now += 60 * 60_000
  for (const piece of range(0, 500)) turns.entered(piece)
  for (const piece of range(500, 1000)) turns.seen(piece)
  now += 100_000 + 1
  for (const piece of range(500, 1000)) assert.ok(turns.isOurs(piece))
})

test('the origin serves on a client whose confirmations fall short, among many others', () => {
  let now = 1
  const offers = new OriginOffers({ pieceCount: 1000, now: () => now })
  const clients = range(0, 40).map(() => {
    const client = offers.addClient()
    client.need = pieceSet(1000, range(0, 1000))
    client.window = Number.POSITIVE_INFINITY
    return client
  })
  const [short] = clients
  assert.ok(short !== undefined)
  assert.notEqual(offers.choose(short), undefined)
  assert.equal(offers.choose(short), undefined)
  now += 20_000
  assert.notEqual(offers.choose(short), undefined)
})
