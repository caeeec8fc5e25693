import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { INFO_HASH, REST_MS, TableFixture } from './tracker-fixture.ts'

describe('a peer that is no source', () => {
  it('is told of others, is handed out to nobody, and is as before when it is a source again', () => {
    const fixture = new TableFixture()
    for (const node of ['n1', 'n2', 'n3']) fixture.announce(node)
    assert.deepEqual(fixture.announce('n1', { isSource: false }).sort(), ['n2', 'n3'])
    for (let round = 0; round < 3; round++) {
      assert.deepEqual(fixture.announce('n2'), ['n3'])
      fixture.announce('n1', { isSource: false })
    }
    assert.deepEqual(fixture.announce('new').sort(), ['n2', 'n3'])
    fixture.announce('n1')
    assert.ok(fixture.announce('n2').includes('n1'))
  })
})

describe('a peer that is gone', () => {
  it('is forgotten within seconds of the announce it missed', () => {
    const fixture = new TableFixture()
    const { intervalSeconds } = fixture.answer('dead')
    assert.ok(intervalSeconds <= 6, `${intervalSeconds}`)
    fixture.clock.advance(intervalSeconds * 1000 + 1000)
    assert.deepEqual(fixture.announce('n1'), ['dead'])
    fixture.clock.advance(5000)
    assert.deepEqual(fixture.announce('n1'), [])
    assert.deepEqual(fixture.table.scrape(INFO_HASH), { complete: 0, incomplete: 1 })
  })

  it('stays while it announces', () => {
    const fixture = new TableFixture()
    fixture.announce('n1')
    for (let second = 0; second < 300; second += 4) {
      fixture.clock.advance(4000)
      fixture.announce('n2')
      assert.deepEqual(fixture.announce('n1'), ['n2'])
    }
  })

  it('is handed out no more from the moment it stops', () => {
    const fixture = new TableFixture()
    fixture.announce('n1')
    assert.deepEqual(fixture.announce('n2'), ['n1'])
    assert.deepEqual(fixture.announce('n1', { event: 'stopped' }), [])
    assert.deepEqual(fixture.announce('n2'), [])
    assert.equal(fixture.table.peers(), 1)
  })

  it('is handed out no more from the moment it is forgotten, in any swarm, until it announces again', () => {
    const fixture = new TableFixture()
    const other = 'cd'.repeat(20)
    for (const infoHash of [INFO_HASH, other]) for (const node of ['n1', 'n2']) fixture.answer(node, {}, infoHash)
    fixture.table.forget('n1')
    for (const infoHash of [INFO_HASH, other]) assert.deepEqual(fixture.answer('n2', {}, infoHash).peers, [])
    assert.equal(fixture.table.peers(), 2)
    fixture.announce('n1')
    assert.deepEqual(fixture.announce('n2'), ['n1'])
  })

  it('is kept for minutes when it is no node: other clients announce when they like', () => {
    const fixture = new TableFixture()
    fixture.announce('foreign', { isNode: false })
    fixture.clock.advance(5 * 60_000)
    assert.deepEqual(fixture.announce('n1'), ['foreign'])
    fixture.clock.advance(2 * 60_000)
    assert.deepEqual(fixture.announce('n1'), [])
    assert.equal(fixture.table.peers(), 1)
  })

  it('leaves nothing behind', () => {
    const fixture = new TableFixture()
    for (let n = 0; n < 100; n++) fixture.answer(`n${n}`, {}, n.toString(16).padStart(40, '0'))
    assert.equal(fixture.table.peers(), 100)
    fixture.clock.advance(REST_MS * 3)
    assert.equal(fixture.table.peers(), 0)
  })
})

it('a node that others announce from elsewhere is neither moved nor stopped by them', () => {
  const fixture = new TableFixture()
  fixture.announce('n1')
  const elsewhere = { source: 'liar', isFromAddress: false }
  assert.throws(() => fixture.announce('n1', { ...elsewhere, event: 'stopped' }), /refused/)
  assert.throws(() => fixture.announce('n1', { ...elsewhere, leftKib: 0 }), /refused/)
  assert.deepEqual(fixture.table.scrape(INFO_HASH), { complete: 0, incomplete: 1 })
  // From the host of its address it is always the node itself.
  fixture.announce('n2', elsewhere)
  fixture.announce('n2', { leftKib: 0 })
  assert.deepEqual(fixture.table.scrape(INFO_HASH), { complete: 1, incomplete: 1 })
})

it('a client that turns out to be a node, or moves to another rack, is one peer all the time', () => {
  const fixture = new TableFixture()
  fixture.announce('n1', { isNode: false })
  fixture.announce('n1', { rack: 'r1' })
  fixture.announce('n1', { rack: 'r2', leftKib: 0 })
  fixture.announce('n1', { rack: 'r3', isOrigin: true, leftKib: 0 })
  assert.equal(fixture.table.peers(), 1)
  assert.deepEqual(fixture.announce('n2', { rack: 'r1' }), ['n1'])
  fixture.clock.advance(60_000)
  assert.equal(fixture.table.peers(), 0)
})

it('a peer that gets nothing from its neighbours gets others', () => {
  const fixture = new TableFixture({ seed: 3 })
  const announceAll = () => {
    for (let n = 1; n < 500; n++) fixture.announce(`n${n}`, { leftKib: 100 + fixture.clock.now() })
  }
  announceAll()
  const first = new Set(fixture.announce('n0'))
  for (let round = 0; round < 5; round++) {
    fixture.clock.advance(4000)
    announceAll()
    fixture.announce('n0')
  }
  const now = fixture.told.get('n0') ?? []
  assert.ok(now.filter((address) => !first.has(address)).length >= 2, now.join())
})

describe('a table that is full', () => {
  const limits = { nodes: 10, foreign: 3, peers: 25 }

  it('lets the node go that announced longest ago, and none for a client that is not ours', () => {
    const fixture = new TableFixture({ limits })
    for (let n = 0; n < 10; n++) fixture.announce(`n${n}`)
    fixture.announce('n0')
    fixture.announce('n10')
    const told = fixture.announce('n0')
    assert.equal(fixture.table.peers(), 10)
    assert.ok(!told.includes('n1') && told.includes('n2'))
    for (let n = 0; n < 50; n++) fixture.announce(`foreign${n}`, { isNode: false })
    assert.equal(fixture.table.peers(), 13)
    assert.equal(fixture.announce('n0').filter((address) => address.startsWith('n')).length, 9)
  })

  it('holds so many in all swarms together', () => {
    const fixture = new TableFixture({ limits })
    for (let n = 0; n < 100; n++) fixture.answer(`n${n}`, {}, (n % 20).toString(16).padStart(40, '0'))
    assert.equal(fixture.table.peers(), 25)
  })
})

it('10,000 peers and 20,000 announces cost little time and memory, and no more a peer than 1,000 do', () => {
  const run = (peers: number, announces: number) => {
    const fixture = new TableFixture({ seed: 5 })
    const announce = (n: number) => {
      fixture.clock.advance(1)
      fixture.answer(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}:7441`, { rack: `r${n % 250}`, zone: `z${n % 3}` })
    }
    const before = process.memoryUsage().heapUsed
    const start = process.cpuUsage()
    for (let n = 0; n < announces; n++) announce(n % peers)
    const { user, system } = process.cpuUsage(start)
    assert.equal(fixture.table.peers(), peers)
    return { cpuMs: (user + system) / 1000, heapBytes: process.memoryUsage().heapUsed - before }
  }
  // The first run compiles.
  run(1000, 20_000)
  const small = run(1000, 20_000)
  const large = run(10_000, 20_000)
  const figures = JSON.stringify({ small, large })
  assert.ok(large.cpuMs < 2000, figures)
  assert.ok(large.cpuMs < small.cpuMs * 8 + 200, figures)
  assert.ok(large.heapBytes < 10_000 * 8 * 1024, figures)
  if (process.env.SHOAL_TEST_FIGURES) console.error(figures)
})
