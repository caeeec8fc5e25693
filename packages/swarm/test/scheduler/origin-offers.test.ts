import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type OfferClient, OriginOffers } from '../../src/scheduler/origin-offers.ts'
import { pieceSet, range } from './scheduler-fixture.ts'

/** Longer than a piece that was given is left alone, and than one is waited for. */
const A_WHILE_MS = 15_000

class OffersFixture {
  now = 1000
  readonly offers: OriginOffers
  readonly pieceCount: number

  constructor(pieceCount: number) {
    this.pieceCount = pieceCount
    this.offers = new OriginOffers({ pieceCount, now: () => this.now })
  }

  /** A client that needs everything and takes as much as it gets. */
  add(need: Iterable<number> = range(0, this.pieceCount)): OfferClient {
    const client = this.offers.addClient()
    client.need = pieceSet(this.pieceCount, need)
    client.window = Number.POSITIVE_INFINITY
    return client
  }

  /** Gives as much as there is room for now. */
  give(client: OfferClient): number[] {
    const pieces: number[] = []
    for (let piece = this.offers.choose(client); piece !== undefined; piece = this.offers.choose(client)) {
      pieces.push(piece)
    }
    return pieces
  }

  /** All that is given arrives at once, until there is nothing more to give. */
  drain(client: OfferClient): number[] {
    const pieces: number[] = []
    for (let given = this.give(client); given.length > 0; given = this.give(client)) {
      pieces.push(...given)
      this.offers.arrived(client, given.length)
    }
    return pieces
  }
}

test('each piece is given once, however many need it', () => {
  const fixture = new OffersFixture(200)
  const clients = range(0, 5).map(() => fixture.add())
  const given: number[] = []
  for (let round = 0; round < 400 && given.length < 200; round += 1) {
    fixture.now += 1
    for (const client of clients) {
      const piece = fixture.offers.choose(client)
      if (piece === undefined) continue
      given.push(piece)
      fixture.offers.arrived(client, 1)
    }
  }
  assert.deepEqual(
    given.sort((a, b) => a - b),
    range(0, 200),
  )
  for (const client of clients) assert.equal(fixture.offers.choose(client), undefined)
})

test('a client is given only what it needs', () => {
  const fixture = new OffersFixture(50)
  assert.deepEqual(fixture.drain(fixture.add([3, 30])), [3, 30])
  assert.deepEqual(fixture.drain(fixture.add([])), [])
})

test('what was given and is needed a while later is given again, the longest ago first', () => {
  const fixture = new OffersFixture(2)
  const client = fixture.add([1])
  fixture.drain(client)
  fixture.now += 100
  client.need = pieceSet(2, [0])
  fixture.drain(client)
  client.need = pieceSet(2, [0, 1])
  assert.deepEqual(fixture.give(client), [])
  fixture.now += A_WHILE_MS
  assert.deepEqual(fixture.drain(client), [1, 0])
})

test('what takes long to arrive is not given again after the time that is enough elsewhere', () => {
  const fixture = new OffersFixture(30)
  const client = fixture.add(range(0, 29))
  for (let given = fixture.give(client); given.length > 0; given = fixture.give(client)) {
    fixture.now += 2500
    fixture.offers.arrived(client, given.length)
  }
  client.need = pieceSet(30, [29])
  assert.deepEqual(fixture.give(client), [29])
  fixture.now += 2500
  fixture.offers.arrived(client, 1)
  fixture.now += 1000
  assert.deepEqual(fixture.give(client), [])
  fixture.now += A_WHILE_MS
  assert.deepEqual(fixture.give(client), [29])
})

test('what is on its way is bounded, by room and by what the client takes', () => {
  const fixture = new OffersFixture(1000)
  const client = fixture.add()
  client.window = 2
  assert.equal(fixture.give(client).length, 2)
  client.window = Number.POSITIVE_INFINITY
  const given = fixture.give(client).length
  assert.ok(given + 2 <= 64)
  assert.deepEqual(fixture.give(client), [])
  fixture.offers.arrived(client, 1)
  assert.ok(fixture.give(client).length >= 1)
})

test('where pieces arrive fast more may be on their way, within bounds', () => {
  const fixture = new OffersFixture(20_000)
  const client = fixture.add()
  const first = fixture.give(client).length
  for (let step = 0; step < 1000; step += 1) {
    fixture.now += 2
    fixture.offers.arrived(client, 2)
    fixture.give(client)
  }
  assert.ok(client.onTheWay.length > 2 * first)
  assert.ok(client.onTheWay.length <= 64)
})

test('clients that wait share the room', () => {
  const fixture = new OffersFixture(1000)
  const clients = range(0, 4).map(() => fixture.add())
  for (let step = 0; step < 300; step += 1) {
    fixture.now += 10
    for (const client of clients) {
      fixture.offers.arrived(client, 1)
      fixture.offers.choose(client)
    }
  }
  const before = clients.map(({ onTheWay }) => onTheWay.length)
  const [greedy] = clients
  assert.ok(greedy !== undefined)
  fixture.give(greedy)
  const most = Math.max(...clients.map(({ onTheWay }) => onTheWay.length))
  assert.ok(most <= 16, `${before} then ${most}`)
})

test('one that never says that anything arrived holds the others up only for a while', () => {
  const fixture = new OffersFixture(1000)
  const mute = fixture.add()
  fixture.give(mute)
  const other = fixture.add()
  fixture.now += A_WHILE_MS
  assert.ok(fixture.drain(other).length > 900)
})

test('what was on its way to one that is gone makes room, and comes to another when it is still needed', () => {
  const fixture = new OffersFixture(4)
  const gone = fixture.add()
  const given = fixture.give(gone)
  assert.ok(given.length > 0)
  fixture.offers.removeClient(gone)
  fixture.offers.removeClient(gone)
  const other = fixture.add()
  assert.deepEqual(
    fixture.drain(other),
    range(0, 4).filter((piece) => !given.includes(piece)),
  )
  fixture.now += A_WHILE_MS
  assert.deepEqual(fixture.drain(other).sort(), range(0, 4))
})

test('whatever clients do, what they get is needed, new before old, never soon again and never beyond the room', () => {
  const pieces = 30
  const need = fc.uniqueArray(fc.nat(pieces - 1), { maxLength: pieces, size: 'max' })
  const step = fc.oneof(
    fc.record({ what: fc.constant('need' as const), client: fc.nat(3), need }),
    fc.record({ what: fc.constantFrom('leave' as const, 'choose' as const), client: fc.nat(3) }),
    fc.record({ what: fc.constantFrom('choose' as const, 'arrive' as const), client: fc.nat(3) }),
    fc.record({ what: fc.constant('wait' as const), ms: fc.constantFrom(1, 30, 300, 3000) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
      const fixture = new OffersFixture(pieces)
      const clients = range(0, 4).map(() => fixture.add())
      const givenAt = new Map<number, number>()
      for (const at of steps) {
        if (at.what === 'wait') {
          fixture.now += at.ms
          continue
        }
        const client = clients[at.client]
        assert.ok(client !== undefined)
        if (at.what === 'need') client.need = pieceSet(pieces, at.need)
        if (at.what === 'arrive') fixture.offers.arrived(client, 1)
        if (at.what === 'leave') {
          fixture.offers.removeClient(client)
          clients[at.client] = fixture.add()
        }
        if (at.what !== 'choose') continue
        const piece = fixture.offers.choose(client)
        if (piece === undefined) continue
        assert.ok(client.need.has(piece))
        const before = givenAt.get(piece)
        if (before !== undefined) {
          assert.ok(fixture.now - before >= 1000, 'given again at once')
          assert.ok(
            [...client.need].every((other) => givenAt.has(other)),
            'an old one before a new one',
          )
        }
        givenAt.set(piece, fixture.now)
        const waiting = clients.flatMap(({ onTheWay }) => onTheWay).filter((sentAt) => sentAt > fixture.now - 1000)
        assert.ok(waiting.length <= 64)
      }
      for (const client of clients) {
        fixture.offers.arrived(client, client.onTheWay.length)
        fixture.offers.removeClient(client)
      }
      fixture.now += A_WHILE_MS
      assert.equal(new Set(fixture.drain(fixture.add())).size, pieces, 'something is never given')
    }),
  )
})

test('where pieces arrive slowly few are on their way: one that takes seconds is one that nobody can pass on', () => {
  const onTheWayAt = (msPerPiece: number) => {
    const fixture = new OffersFixture(2000)
    const client = fixture.add()
    let onTheWay = fixture.give(client).length
    for (let count = 0; count < 100; count += 1) {
      fixture.now += msPerPiece
      fixture.offers.arrived(client, 1)
      onTheWay += fixture.give(client).length - 1
    }
    return onTheWay
  }
  const [slow, middling] = [onTheWayAt(160), onTheWayAt(40)]
  assert.ok(slow <= 6, `${slow}`)
  assert.ok(middling >= 12 && middling <= 16, `${middling}`)
})

test('what is on its way at the beginning, when nothing has arrived yet, is not given again', () => {
  const fixture = new OffersFixture(4)
  const client = fixture.add()
  assert.equal(fixture.give(client).length, 4)
  client.onTheWay.splice(0)
  fixture.now += 3000
  assert.deepEqual(fixture.give(client), [])
})
