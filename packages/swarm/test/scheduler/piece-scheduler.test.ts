import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bitfield, PIECE_BYTES, range, SchedulerFixture } from './scheduler-fixture.ts'

const MIB = 1024 * 1024

test('the rarest piece of a source is asked for first, and ties go any way', () => {
  const firsts = new Set<number>()
  for (let seed = 1; seed <= 20; seed += 1) {
    const fixture = new SchedulerFixture({ pieceCount: 40, seed })
    const rare = fixture.add('near', [...range(0, 20), 30])
    fixture.add(
      'near',
      range(0, 40).filter((piece) => piece !== 30),
    )
    fixture.add('near', range(0, 20))
    fixture.scheduler.fill()
    const [first] = fixture.askedOf(rare)
    assert.equal(first, 30)
    firsts.add(fixture.askedOf(rare)[1] ?? -1)
  }
  assert.ok(firsts.size > 3, 'ties are always broken alike')
})

test('everything comes once, whoever has what', () => {
  const fixture = new SchedulerFixture({ pieceCount: 100 })
  fixture.add('near', range(0, 60))
  fixture.add('near', range(40, 100))
  const pieces = fixture.drain()
  assert.deepEqual(
    pieces.sort((a, b) => a - b),
    range(0, 100),
  )
  assert.equal(fixture.scheduler.inFlightBytes, 0)
  assert.equal(fixture.scheduler.wantedCount, 0)
})

test('what is present is never asked for', () => {
  const fixture = new SchedulerFixture({ pieceCount: 8, have: [1, 2, 3] })
  fixture.add('near')
  assert.deepEqual(
    fixture.drain().sort((a, b) => a - b),
    [0, 4, 5, 6, 7],
  )
})

test('a read goes before the boot profile, that before the plan', () => {
  const fixture = new SchedulerFixture({ pieceCount: 30 })
  for (const piece of range(5, 10)) fixture.scheduler.prioritise(piece, 'boot-profile')
  fixture.scheduler.prioritise(29, 'on-demand')
  fixture.add('near')
  const order = fixture.drain()
  const sorted = (pieces: number[]) => pieces.sort((a, b) => a - b)
  assert.equal(order[0], 29)
  assert.deepEqual(sorted(order.slice(1, 6)), range(5, 10))
  assert.deepEqual(sorted(order.slice(6)), [...range(0, 5), ...range(10, 29)])
})

test('a read is asked for although all windows are full, and says that it is urgent', () => {
  const fixture = new SchedulerFixture()
  fixture.add('near')
  fixture.scheduler.fill()
  const before = fixture.asked.length
  const piece = range(0, 64).find((candidate) => !fixture.asked.some((ask) => ask.piece === candidate)) ?? -1
  fixture.scheduler.prioritise(piece, 'on-demand')
  fixture.scheduler.fill()
  assert.equal(fixture.asked.length, before + 1)
  assert.equal(fixture.asked.at(-1)?.piece, piece)
  assert.equal(fixture.asked.at(-1)?.priority, 'on-demand')
})

test('a read goes to the source that will be done with it first, and not across racks for a moment', () => {
  const fixture = new SchedulerFixture({ pieceCount: 4 })
  const slow = fixture.add('near')
  const quick = fixture.add('near')
  const far = fixture.add('far')
  slow.bytesPerSecond = MIB
  quick.bytesPerSecond = 100 * MIB
  far.bytesPerSecond = 101 * MIB
  fixture.scheduler.prioritise(2, 'on-demand')
  fixture.scheduler.fill()
  assert.equal(fixture.asked[0]?.piece, 2)
  assert.equal(fixture.asked[0]?.source, quick)
})

test('a read waits for nobody’s turn: it crosses racks when only there it is', () => {
  const fixture = new SchedulerFixture({ pieceCount: 64 })
  for (const node of ['b', 'c', 'd', 'e']) fixture.add('near', [], node)
  const far = fixture.add('far')
  for (const piece of range(0, 64)) fixture.scheduler.prioritise(piece, 'on-demand')
  fixture.scheduler.fill()
  assert.equal(fixture.askedOf(far).length, 64)
})

test('what is near is not fetched from afar', () => {
  const fixture = new SchedulerFixture()
  fixture.add('near', range(0, 32))
  const far = fixture.add('far')
  fixture.scheduler.fill()
  for (let ask = fixture.asked[0]; ask !== undefined; [ask] = fixture.asked) {
    if (ask.source === far) assert.ok(ask.piece >= 32)
    fixture.deliver()
    fixture.tickAfter(100)
  }
  assert.equal(fixture.scheduler.wantedCount, 0)
})

test('the nodes of a rack share out between them what is only afar, each piece to one', () => {
  const names = ['a', 'b', 'c', 'd']
  const fetched = names.flatMap((node) => {
    const fixture = new SchedulerFixture({ node })
    for (const other of names) if (other !== node) fixture.add('near', [], other)
    fixture.add('far')
    return fixture.drain()
  })
  assert.deepEqual(
    fetched.sort((a, b) => a - b),
    range(0, 64),
  )
})

test('what its node does not fetch from afar, another does a turn later', () => {
  const fixture = new SchedulerFixture({ node: 'a' })
  for (const node of ['b', 'c', 'd']) fixture.add('near', [], node)
  fixture.add('far')
  const first = fixture.drain().length
  assert.ok(first < 64)
  fixture.tickAfter(60_000)
  fixture.drain()
  assert.equal(fixture.scheduler.wantedCount, 0)
})

test('the origin is asked only for what no peer has', () => {
  const fixture = new SchedulerFixture()
  const peer = fixture.add('near', range(0, 32))
  const origin = fixture.add('origin')
  fixture.scheduler.fill()
  for (let ask = fixture.asked[0]; ask !== undefined; [ask] = fixture.asked) {
    assert.equal(ask.source === origin, ask.piece >= 32)
    fixture.deliver()
    fixture.scheduler.fill()
  }
  assert.equal(peer.asked.size + origin.asked.size, 0)
  assert.equal(fixture.scheduler.wantedCount, 0)
})

test('the origin is asked when the peers that have a piece are gone, choke or let us down', () => {
  for (const how of ['gone', 'choking', 'doubtful'] as const) {
    const fixture = new SchedulerFixture({ pieceCount: 4 })
    const peer = fixture.add('near')
    const origin = fixture.add('origin')
    fixture.scheduler.fill()
    assert.equal(fixture.askedOf(origin).length, 0)
    fixture.asked.length = 0
    if (how === 'gone') fixture.scheduler.removeSource(peer)
    if (how === 'choking') fixture.scheduler.setUsable(peer, false)
    if (how === 'doubtful') {
      fixture.scheduler.setDoubtful(peer, true)
      fixture.scheduler.release(peer)
    }
    fixture.tickAfter(100)
    assert.ok(fixture.askedOf(origin).length > 0, how)
  }
})

test('what nobody but the origin can give is known as peers come, get more and go', () => {
  const fixture = new SchedulerFixture({ pieceCount: 8, have: [0] })
  const { scheduler } = fixture
  const need = () => [...scheduler.needOfOrigin()]
  assert.deepEqual(need(), range(1, 8))
  const peer = fixture.add('near', [1, 2])
  const origin = fixture.add('origin')
  assert.deepEqual(need(), range(3, 8))
  scheduler.addPiece(peer, 3)
  scheduler.dropPiece(peer, 1)
  assert.deepEqual(need(), [1, 4, 5, 6, 7])
  scheduler.onChosen(origin, 7)
  assert.deepEqual(need(), [1, 4, 5, 6])
  scheduler.removeSource(peer)
  assert.deepEqual(need(), [1, 2, 3, 4, 5, 6])
})

test('an origin that chooses is not asked but let choose, and what it sends is asked of nobody', () => {
  const fixture = new SchedulerFixture({ pieceCount: 4 })
  const origin = fixture.add('origin')
  origin.canChoose = true
  fixture.scheduler.fill()
  assert.deepEqual(fixture.asked, [])
  assert.deepEqual(fixture.offered, [origin])
  fixture.scheduler.onChosen(origin, 2)
  const peer = fixture.add('near')
  fixture.scheduler.fill()
  assert.ok(fixture.askedOf(peer).length > 0 && !fixture.askedOf(peer).includes(2))
  fixture.scheduler.onReceived(origin, 2)
  fixture.scheduler.onStored(2)
  assert.equal(fixture.scheduler.wantedCount + fixture.asked.length, 3)
})

test('bytes in flight are bounded, at one source and at all of them, and a faster one may have more', () => {
  const fixture = new SchedulerFixture({ pieceCount: 2000 })
  const sources = range(0, 60).map(() => fixture.add('near'))
  fixture.scheduler.fill()
  for (const source of sources) assert.ok(source.inFlightBytes <= MIB)
  assert.ok(fixture.scheduler.inFlightBytes >= 2 * MIB && fixture.scheduler.inFlightBytes <= 8 * MIB)
  const [quick] = sources
  assert.ok(quick !== undefined)
  quick.bytesPerSecond = 1000 * MIB
  for (let step = 0; step < 1000; step += 1) {
    fixture.now += 0.1
    fixture.deliver()
    fixture.scheduler.fill()
    for (const { inFlightBytes } of sources) assert.ok(inFlightBytes <= 4 * MIB)
    assert.ok(fixture.scheduler.inFlightBytes <= 16 * MIB + PIECE_BYTES)
  }
  assert.ok(fixture.scheduler.inFlightBytes > 8 * MIB)
})

test('a piece that is late is asked of one more source, and whoever is not first is told', () => {
  const fixture = new SchedulerFixture({ pieceCount: 8 })
  const { scheduler } = fixture
  const slow = fixture.add('near')
  scheduler.fill()
  fixture.now += 50
  fixture.deliver()
  scheduler.fill()
  const late = [...slow.asked.keys()]
  const others = [fixture.add('near', late), fixture.add('near', late)]
  const twice = () => others.flatMap((source) => fixture.askedOf(source))
  fixture.tickAfter(1)
  assert.deepEqual(twice(), [])
  fixture.tickAfter(400)
  assert.ok(twice().length > 0)
  assert.equal(new Set(twice()).size, twice().length, 'asked of three')
  const [piece = -1] = twice()
  const winner = others.find((source) => source.asked.has(piece))
  assert.ok(winner !== undefined)
  scheduler.onReceived(winner, piece)
  scheduler.onStored(piece)
  assert.deepEqual(fixture.cancelled, [{ source: slow, piece }])
  assert.equal(slow.asked.has(piece), false)
})

test('what only a slow source has is fetched from it by one of those near it, and the rest comes from others', () => {
  const names = ['a', 'b', 'c', 'd']
  const fetched = names.flatMap((node) => {
    const fixture = new SchedulerFixture({ pieceCount: 32, node })
    const { scheduler } = fixture
    const slow = fixture.add('unknown', range(0, 20), 'slow')
    for (const other of names) if (other !== node) fixture.add('unknown', range(20, 32), other)
    scheduler.fill()
    const asked = fixture.asked.splice(0)
    fixture.now += 50
    for (const { source, piece } of asked.filter((ask) => ask.source !== slow)) {
      scheduler.onReceived(source, piece)
      scheduler.onStored(piece)
    }
    assert.ok(slow.asked.size > 0)
    fixture.tickAfter(2000)
    assert.equal(slow.isSlow, true)
    fixture.asked.push(...[...slow.asked.keys()].map((piece) => ({ source: slow, piece, priority: 'plan' as const })))
    return [...new Set(fixture.drain())].filter((piece) => piece < 20)
  })
  assert.deepEqual(
    fetched.sort((a, b) => a - b),
    range(0, 20),
  )
})

test('a source is slow only beside others, and not for ever', () => {
  const fixture = new SchedulerFixture()
  const { scheduler } = fixture
  const source = fixture.add('near')
  scheduler.fill()
  fixture.tickAfter(60_000)
  assert.equal(source.isSlow, false)
  fixture.now += 50
  fixture.deliver()
  const other = fixture.add('near')
  for (let step = 0; step < 100 && other.asked.size === 0; step += 1) scheduler.fill()
  fixture.tickAfter(3_600_000)
  assert.equal(source.isSlow && other.isSlow, true)
  fixture.asked.length = 0
  fixture.tickAfter(6000)
  const [piece] = source.asked.keys()
  assert.ok(piece !== undefined)
  fixture.now += 1
  scheduler.onReceived(source, piece)
  assert.equal(source.isSlow, false)
})

test('what takes long from afar is not asked for across the racks again because it is quick near', () => {
  const fixture = new SchedulerFixture({ pieceCount: 64 })
  const near = fixture.add('near', range(0, 32))
  fixture.add('far', range(32, 64))
  const other = fixture.add('far', range(32, 64))
  fixture.scheduler.fill()
  for (let step = 0; step < 40; step += 1) {
    fixture.now += 20
    for (const { source, piece } of fixture.asked.filter((ask) => ask.source === near)) {
      fixture.scheduler.onReceived(source, piece)
      fixture.scheduler.onStored(piece)
      fixture.asked.splice(
        fixture.asked.findIndex((ask) => ask.piece === piece),
        1,
      )
    }
    fixture.tickAfter(0)
  }
  for (let step = 0; step < 20; step += 1) fixture.tickAfter(1000)
  const pieces = fixture.asked.map(({ piece }) => piece)
  assert.ok(fixture.askedOf(other).length > 0)
  assert.equal(new Set(pieces).size, pieces.length)
})

test('what a source does not deliver goes back and is asked of another', () => {
  for (const how of ['release', 'unusable', 'removed', 'failed'] as const) {
    const fixture = new SchedulerFixture({ pieceCount: 2 })
    const { scheduler } = fixture
    const first = fixture.add('near')
    scheduler.fill()
    assert.equal(fixture.asked.length, 2, how)
    fixture.asked.length = 0
    const second = fixture.add('near')
    if (how === 'release') scheduler.release(first)
    if (how === 'unusable') scheduler.setUsable(first, false)
    if (how === 'removed') scheduler.removeSource(first)
    if (how === 'failed') for (const piece of [0, 1]) scheduler.onFailed(first, piece)
    assert.equal(scheduler.wantedCount, 2)
    assert.equal(scheduler.inFlightBytes, 0)
    if (how !== 'removed') scheduler.setUsable(first, false)
    scheduler.fill()
    assert.deepEqual(fixture.askedOf(second).sort(), [0, 1], how)
  }
})

test('what came and could not be kept is wanted again, also when it came from two', () => {
  const fixture = new SchedulerFixture({ pieceCount: 1 })
  const { scheduler } = fixture
  const first = fixture.add('near')
  scheduler.fill()
  const second = fixture.add('near')
  fixture.tickAfter(60_000)
  assert.equal(fixture.asked.length, 2)
  scheduler.onReceived(first, 0)
  scheduler.onReceived(second, 0)
  assert.equal(scheduler.wantedCount, 0)
  scheduler.onDiscarded(0)
  assert.equal(scheduler.wantedCount, 1)
  fixture.asked.length = 0
  scheduler.fill()
  assert.equal(fixture.asked.length, 1)
})

test('what is lost after it was here is wanted again', () => {
  const fixture = new SchedulerFixture({ pieceCount: 4 })
  fixture.add('near')
  fixture.drain()
  fixture.scheduler.onLost(3)
  assert.deepEqual(fixture.drain(), [3])
})

test('nothing is asked for beyond what is admitted', () => {
  const fixture = new SchedulerFixture()
  fixture.add('near')
  fixture.isAdmitting = false
  fixture.tickAfter(100)
  assert.deepEqual(fixture.asked, [])
  assert.equal(fixture.scheduler.inFlightBytes, 0)
  assert.equal(fixture.scheduler.wantedCount, 64)
  fixture.isAdmitting = true
  fixture.scheduler.fill()
  assert.ok(fixture.asked.length > 0)
})

test('a source that turns out to be the origin no longer counts as a peer', () => {
  const fixture = new SchedulerFixture({ pieceCount: 4 })
  const source = fixture.add('near')
  assert.equal(fixture.scheduler.needOfOrigin().count, 0)
  fixture.scheduler.place(source, 'origin', 'seed')
  assert.equal(fixture.scheduler.needOfOrigin().count, 4)
  fixture.scheduler.setPieces(source, fixture.scheduler.needOfOrigin())
  assert.equal(fixture.scheduler.needOfOrigin().count, 4)
  assert.equal(bitfield(4, fixture.drain()).count, 4)
})

test('the head is asked of all sources before the rest is asked of any, and asks are announced as what they are', () => {
  const fixture = new SchedulerFixture({ pieceCount: 16 })
  fixture.scheduler.setHead(4)
  fixture.add('near', range(0, 3))
  fixture.add('near', range(3, 16))
  assert.equal(fixture.scheduler.isHeadWanted, true)
  fixture.scheduler.fill()
  assert.deepEqual(new Set(fixture.asked.slice(0, 3).map(({ priority }) => priority)), new Set(['boot-profile']))
  assert.equal(fixture.asked[3]?.priority, 'plan')
  assert.deepEqual(
    fixture.admissions.map(({ priority }) => priority),
    fixture.asked.map(({ priority }) => priority),
  )
  fixture.drain()
  assert.equal(fixture.scheduler.isHeadWanted, false)
})

test('a head that grows or shrinks changes what goes first, but not what somebody waits for', () => {
  const fixture = new SchedulerFixture({ pieceCount: 16 })
  const priorityOf = () => {
    fixture.admissions.length = 0
    return fixture.drain().map((piece, index) => [piece, fixture.admissions[index]?.priority] as const)
  }
  fixture.scheduler.prioritise(2, 'on-demand')
  fixture.scheduler.setHead(8)
  fixture.scheduler.setHead(3)
  fixture.scheduler.setHead(99)
  fixture.scheduler.setHead(4)
  fixture.add('near')
  const found = priorityOf()
  assert.deepEqual(found[0], [2, 'on-demand'])
  assert.deepEqual(new Set(found.slice(1, 4)), new Set(found.filter(([, priority]) => priority === 'boot-profile')))
  assert.deepEqual(
    found
      .slice(1, 4)
      .map(([piece]) => piece)
      .sort(),
    [0, 1, 3],
  )
})

test('a rest that waits is asked of nobody and not needed of the origin, what is more urgent is', () => {
  const fixture = new SchedulerFixture({ pieceCount: 16 })
  const { scheduler } = fixture
  fixture.add('near', range(0, 8))
  scheduler.setHead(2)
  assert.equal(scheduler.setRestWaits(true), true)
  assert.equal(scheduler.setRestWaits(true), false)
  for (const piece of [5, 9]) scheduler.prioritise(piece, 'boot-profile')
  scheduler.prioritise(7, 'on-demand')
  assert.deepEqual([...scheduler.needOfOrigin()], [9])
  assert.deepEqual(fixture.drain().sort(), [0, 1, 5, 7])
  scheduler.setRestWaits(false)
  scheduler.prioritise(9, 'plan')
  assert.deepEqual([...scheduler.needOfOrigin()], range(8, 16))
  assert.deepEqual(fixture.drain().sort(), [2, 3, 4, 6])
})

test('what is far and may not be asked does not keep near sources from being asked', () => {
  const fixture = new SchedulerFixture({ pieceCount: 8 })
  const far = fixture.add('far', range(0, 4))
  const unknown = fixture.add('unknown', range(0, 4))
  const near = fixture.add('near', range(4, 8))
  fixture.refused.add('far').add('unknown')
  for (const isHead of [false, true]) {
    if (isHead) fixture.scheduler.setHead(2)
    fixture.tickAfter(5000)
    assert.deepEqual([fixture.askedOf(far), fixture.askedOf(unknown)], [[], []])
  }
  assert.equal(fixture.askedOf(near).length, 2)
  fixture.refused.clear()
  assert.equal(new Set(fixture.drain()).size, 8)
})

test('a read goes to a near source when one that is quicker may not be asked', () => {
  const fixture = new SchedulerFixture({ pieceCount: 4 })
  const near = fixture.add('near')
  fixture.add('unknown')
  near.bytesPerSecond = 100_000
  fixture.refused.add('unknown')
  fixture.scheduler.prioritise(3, 'on-demand')
  fixture.scheduler.fill()
  assert.deepEqual([fixture.asked[0]?.piece, fixture.asked[0]?.source], [3, near])
})
