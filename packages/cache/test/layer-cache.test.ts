import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ShoalError } from '@shoal/core'
import { createCacheFixture, MIB, machinePin } from './cache-fixture.ts'
import { digestOf } from './memory-stock.ts'

const DAY_MS = 24 * 3_600_000

suite('reserving room', () => {
  test('evicts nothing below the high watermark, and down to the low one above it', async () => {
    const { cache, fill, evictedDigests } = createCacheFixture()
    fill(1, 8)
    await cache.reserve('new', 100 * MIB)
    assert.deepEqual(evictedDigests(), [])
    await cache.reserve('more', 100 * MIB)
    assert.deepEqual(evictedDigests(), [1, 2, 3].map(digestOf))
  })

  test('promises the same room only once', async () => {
    const { cache, fill } = createCacheFixture()
    fill(1, 1)
    const asked = await Promise.allSettled([1, 2, 3].map((index) => cache.reserve(`layer ${index}`, 400 * MIB)))
    assert.deepEqual(
      asked.map(({ status }) => status),
      ['fulfilled', 'fulfilled', 'rejected'],
    )
    const [, , third] = asked
    assert.equal((third as PromiseRejectedResult).reason.code, 'SHOAL_CACHE_FULL')
  })

  test('counts what the name occupies already as a part, and does not evict that for itself', async () => {
    const { cache, stock, fill, evicted } = createCacheFixture()
    stock.put(digestOf(9), 300 * MIB, { isComplete: false })
    fill(1, 4)
    await cache.reserve(digestOf(9), 500 * MIB)
    assert.equal((await cache.space()).takenBytes, 900 * MIB)
    assert.deepEqual(evicted, [])
    stock.put(digestOf(8), 300 * MIB, { isComplete: false })
    await cache.reserve(digestOf(8), 450 * MIB)
    assert.deepEqual([...stock.held.keys()], [9, 8].map(digestOf))
  })

  test('promises more room to a name that has some only beyond that', async () => {
    const { cache } = createCacheFixture()
    const first = await cache.reserve('disk', 600 * MIB)
    const second = await cache.reserve('disk', 700 * MIB)
    assert.equal((await cache.space()).reservedBytes, 700 * MIB)
    second.end()
    assert.equal((await cache.space()).reservedBytes, 600 * MIB)
    first.end()
    assert.equal((await cache.space()).reservedBytes, 0)
  })

  test('says who holds the space, and evicts nothing in vain', async () => {
    const { cache, stock, pins, otherPins, evicted } = createCacheFixture()
    stock.put(digestOf(1), 300 * MIB)
    stock.put(digestOf(2), 100 * MIB)
    stock.put(digestOf(3), 200 * MIB)
    stock.files.set('disk of vm-9', 50 * MIB)
    await cache.reserve('layer on its way', 100 * MIB)
    await pins.add({ digest: digestOf(1), kind: 'operator', owner: 'release day', expiresAt: null })
    otherPins.set(digestOf(3), [{ ...machinePin(3, 'plan 5'), kind: 'plan' }])
    const error: unknown = await cache.reserve('large', 500 * MIB).catch((thrown: unknown) => thrown)
    assert.ok(error instanceof ShoalError)
    const { neededBytes, limitBytes, keptBytes } = error.details
    assert.deepEqual([neededBytes, limitBytes, keptBytes], [500 * MIB, 1000 * MIB, 650 * MIB])
    assert.equal(error.code, 'SHOAL_CACHE_FULL')
    for (const who of [/release day: 314572800 bytes/, /plan 5/, /disk of vm-9/, /layer on its way/]) {
      assert.match(error.message, who)
    }
    assert.deepEqual(evicted, [])
    await assert.rejects(cache.reserve('larger', 1500 * MIB), { code: 'SHOAL_CACHE_TOO_LARGE' })
    assert.throws(() => cache.reserve('nothing', Number.NaN), TypeError)
  })

  test('heeds a pin of a plan only until it ends', async () => {
    const { cache, stock, otherPins, clock } = createCacheFixture()
    stock.put(digestOf(1), 600 * MIB)
    otherPins.set(digestOf(1), [{ ...machinePin(1, 'plan 5'), kind: 'plan', expiresAt: clock.now() + 1000 }])
    await assert.rejects(cache.reserve('new', 500 * MIB), { code: 'SHOAL_CACHE_FULL' })
    clock.advance(1000)
    await cache.reserve('new', 500 * MIB)
    assert.equal(stock.held.size, 0)
  })

  test('heeds a pin that holds only against whoever wants the room', async () => {
    const { cache, stock, otherPins } = createCacheFixture()
    stock.put(digestOf(1), 600 * MIB)
    otherPins.set(digestOf(1), [{ ...machinePin(1, 'not urgent'), kind: 'plan' }])
    await assert.rejects(cache.reserve('other', 500 * MIB), { code: 'SHOAL_CACHE_FULL' })
    await cache.reserve('urgent', 500 * MIB)
    assert.equal(stock.held.size, 0)
  })

  test('asks who uses those that would go, no others, and takes the next', async () => {
    const { cache, fill, users, asked, evictedDigests } = createCacheFixture()
    fill(1, 9)
    users.set(digestOf(1), [machinePin(1, 'qemu 4711')])
    users.set(digestOf(4), [machinePin(4, 'qemu 4712')])
    await cache.reserve('new', 50 * MIB)
    assert.deepEqual(evictedDigests(), [2, 3, 5].map(digestOf))
    assert.deepEqual(asked, [1, 2, 3, 2, 3, 4, 2, 3, 5].map(digestOf))
  })

  test('heeds a pin that comes at the last moment', async () => {
    const { cache, fill, pins, hooks, evictedDigests } = createCacheFixture()
    fill(1, 9)
    hooks.whenAsked = async () => {
      await pins.add({ digest: digestOf(1), kind: 'operator', owner: 'me', expiresAt: null })
    }
    await cache.reserve('new', 50 * MIB)
    assert.deepEqual(evictedDigests(), [2, 3, 4].map(digestOf))
  })

  test('evicts nothing when those that are used leave too little', async () => {
    const { cache, fill, users, evicted } = createCacheFixture()
    fill(1, 6)
    for (const index of [2, 3, 4, 5]) users.set(digestOf(index), [machinePin(index, `qemu ${index}`)])
    await assert.rejects(cache.reserve('new', 700 * MIB), { code: 'SHOAL_CACHE_FULL', message: /qemu 3/ })
    assert.deepEqual(evicted, [])
  })

  test('leaves what somebody has just begun to read, and takes another', async () => {
    const { cache, stock, fill, evictedDigests } = createCacheFixture()
    fill(1, 8)
    stock.read.add(digestOf(2))
    await cache.reserve('new', 300 * MIB)
    assert.deepEqual(evictedDigests(), [1, 3, 4, 5].map(digestOf))
    assert.ok(stock.held.has(digestOf(2)))
    for (let index = 6; index <= 8; index += 1) stock.read.add(digestOf(index))
    await assert.rejects(cache.reserve('more', 500 * MIB), { code: 'SHOAL_CACHE_FULL', message: /begun to read/ })
  })

  test('goes on when less becomes free than was planned', async () => {
    const { cache, stock } = createCacheFixture({ bootShare: 0.5 })
    for (const index of [1, 2, 3]) {
      stock.put(digestOf(index), 300 * MIB, { bootBytes: 10 * MIB })
      stock.sticky.set(digestOf(index), 250 * MIB)
    }
    await cache.reserve('new', 500 * MIB)
    const { takenBytes, limitBytes } = await cache.space()
    assert.ok(takenBytes <= limitBytes, `${takenBytes / MIB} MiB`)
  })

  test('gives way when others fill the file system', async () => {
    const { cache, stock, fill } = createCacheFixture()
    fill(1, 3)
    stock.foreignBytes = 1500 * MIB
    // 200 are free, of which 100 stay so.
    await cache.reserve('small', 60 * MIB)
    await assert.rejects(cache.reserve('large', 450 * MIB), { code: 'SHOAL_CACHE_TOO_LARGE' })
  })

  test('counts what arrives while it looks', async () => {
    const { cache, stock } = createCacheFixture()
    stock.put(digestOf(1), 0, { isComplete: false })
    const arriving = await cache.reserve(digestOf(1), 500 * MIB)
    stock.meanwhile = () => {
      stock.put(digestOf(1), 500 * MIB)
      arriving.end()
    }
    await assert.rejects(cache.reserve('new', 600 * MIB), { code: 'SHOAL_CACHE_FULL' })
  })
})

suite('remnants', () => {
  async function withRemnant() {
    const fixture = createCacheFixture({ bootShare: 0.05 })
    fixture.fill(1, 8)
    fixture.stock.put(digestOf(1), 100 * MIB, { bootBytes: 20 * MIB })
    await fixture.cache.reserve('new', 110 * MIB)
    return fixture
  }

  test('stay of what a boot reads, and their bytes count', async () => {
    const { cache, stock, evicted } = await withRemnant()
    const [first] = evicted
    assert.deepEqual(
      [first?.digest, first?.sizeBytes, first?.keptBytes, first?.reason],
      [digestOf(1), 80 * MIB, 20 * MIB, 'space'],
    )
    assert.equal(stock.held.get(digestOf(1))?.allocatedBytes, 20 * MIB)
    const held = await cache.list()
    assert.deepEqual(
      held.filter(({ isRemnant }) => isRemnant).map(({ digest, sizeBytes }) => [digest, sizeBytes]),
      [[digestOf(1), 20 * MIB]],
    )
    assert.equal((await cache.space()).layerBytes, stock.usedBytes)
  })

  test('are not there where no part can stay: that more went is told, and counts', async () => {
    const fixture = createCacheFixture({ bootShare: 0.05 })
    fixture.fill(1, 8)
    fixture.stock.put(digestOf(1), 100 * MIB, { bootBytes: 20 * MIB })
    fixture.stock.unparted.add(digestOf(1))
    const { freedBytes } = await fixture.cache.evictBytes(80 * MIB)
    const [first] = fixture.evicted
    assert.deepEqual([first?.digest, first?.sizeBytes, first?.keptBytes], [digestOf(1), 100 * MIB, 0])
    assert.equal(freedBytes, 100 * MIB)
    assert.equal(fixture.stock.held.has(digestOf(1)), false)
  })

  test('are completed by a promise for the rest', async () => {
    const { cache, stock, evicted } = await withRemnant()
    const before = await cache.space()
    const [count, reservation] = [evicted.length, await cache.reserve(digestOf(1), 100 * MIB)]
    assert.equal((await cache.space()).takenBytes, before.takenBytes + 80 * MIB)
    assert.equal(evicted.length, count)
    assert.ok((await cache.list()).every(({ isRemnant }) => !isRemnant))
    stock.put(digestOf(1), 100 * MIB, { bootBytes: 20 * MIB })
    reservation.end()
    assert.equal((await cache.space()).takenBytes, before.takenBytes + 80 * MIB)
  })

  test('that a process has open keep what is below them', async () => {
    const { cache, stock, users } = await withRemnant()
    stock.put(digestOf(1), 20 * MIB, { bootBytes: 20 * MIB, isComplete: false, base: digestOf(4) })
    users.set(digestOf(1), [machinePin(1, 'qemu 7')])
    const { evictions } = await cache.evictBytes(1)
    assert.deepEqual(
      evictions.map(({ digest }) => digest),
      [digestOf(5)],
    )
    await assert.rejects(cache.evict(digestOf(4)), { code: 'SHOAL_CACHE_PINNED' })
    users.clear()
    assert.equal((await cache.evict(digestOf(4))).freedBytes, 100 * MIB)
  })

  test('go when the operator says so', async () => {
    const { cache, stock } = await withRemnant()
    const { freedBytes } = await cache.evict(digestOf(1))
    assert.equal(freedBytes, 20 * MIB)
    assert.ok(!stock.held.has(digestOf(1)))
  })
})

suite('relieving a cache', () => {
  test('evicts down to the low watermark when others fill the file system', async () => {
    const { cache, stock, fill, evictedDigests } = createCacheFixture()
    fill(1, 8)
    await cache.relieve()
    assert.deepEqual(evictedDigests(), [])
    // 300 MiB are free, of which 100 stay so: the limit is 1000 MiB as before.
    stock.foreignBytes = 900 * MIB
    await cache.relieve()
    assert.deepEqual(evictedDigests(), [])
    // Now it is 800.
    stock.foreignBytes = 1100 * MIB
    await cache.relieve()
    assert.deepEqual(evictedDigests(), [1, 2, 3].map(digestOf))
  })

  test('says once that nothing more may go, and once that there is room again', async () => {
    const { cache, stock, fill, users, logged } = createCacheFixture()
    fill(1, 5)
    for (let index = 1; index <= 5; index += 1) users.set(digestOf(index), [machinePin(index, 'qemu')])
    stock.foreignBytes = 1500 * MIB
    for (let look = 0; look < 3; look += 1) await cache.relieve()
    assert.deepEqual(logged, ['warn: cache is too full, and nothing more may go'])
    stock.foreignBytes = 0
    for (let look = 0; look < 3; look += 1) await cache.relieve()
    assert.deepEqual(logged.slice(1), ['info: cache has room again'])
  })

  test('removes by age what was not used for a day, and nothing that was just fetched ahead of need', async () => {
    const { cache, stock, fill, history, clock, evicted } = createCacheFixture({ policy: 'age', bootShare: 0.5 })
    fill(1, 2)
    stock.put(digestOf(3), 10 * MIB, { bootBytes: MIB })
    await cache.relieve()
    clock.advance(DAY_MS / 2)
    history.used(digestOf(2), clock.now())
    stock.put(digestOf(4), 10 * MIB)
    await cache.relieve()
    assert.deepEqual(evicted, [])
    clock.advance(DAY_MS / 2)
    await cache.relieve()
    assert.deepEqual(
      evicted.map(({ digest, keptBytes, reason, idleMs }) => [digest, keptBytes, reason, idleMs]),
      [
        [digestOf(1), 0, 'age', DAY_MS + 1000],
        [digestOf(3), 0, 'age', null],
      ],
    )
    assert.deepEqual(cache.evictionCounts, { space: 0, age: 2, operator: 0, purge: 0 })
  })
})

suite('evicting by hand', () => {
  test('removes a layer, and tells how long it was idle', async () => {
    const { cache, stock, fill, clock, evicted } = createCacheFixture()
    fill(1, 2)
    clock.advance(500)
    await cache.evict(digestOf(2))
    assert.ok(!stock.held.has(digestOf(2)))
    assert.deepEqual(
      evicted.map(({ digest, reason, idleMs, isLastCopy }) => [digest, reason, idleMs, isLastCopy]),
      [[digestOf(2), 'operator', 500, true]],
    )
    await assert.rejects(cache.evict(digestOf(2)), { code: 'SHOAL_CACHE_LAYER_UNKNOWN' })
  })

  test('leaves what is pinned, used, on its way, just read or below another, and says why', async () => {
    const { cache, stock, fill, pins, users } = createCacheFixture()
    fill(1, 6)
    await pins.add({ digest: digestOf(1), kind: 'operator', owner: 'release day', expiresAt: null })
    users.set(digestOf(2), [machinePin(2, 'qemu 7')])
    await cache.reserve(digestOf(3), 120 * MIB)
    stock.put(digestOf(7), MIB, { base: digestOf(4) })
    const why = [/release day/, /qemu 7/, /needed right now/, new RegExp(digestOf(7))]
    for (const [index, message] of why.entries()) {
      const layer = digestOf(index + 1)
      await assert.rejects(cache.evict(layer), { code: 'SHOAL_CACHE_PINNED', message })
      await assert.rejects(cache.preview({ layer }), { code: 'SHOAL_CACHE_PINNED', message })
    }
    stock.read.add(digestOf(5))
    await assert.rejects(cache.evict(digestOf(5)), { code: 'SHOAL_CACHE_PINNED', message: /begun to read/ })
    assert.equal(stock.held.size, 7)
  })

  test('frees so many bytes by the policy, as the dry run said', async () => {
    const { cache, fill, users, evicted } = createCacheFixture()
    fill(1, 5)
    users.set(digestOf(2), [machinePin(2, 'qemu 7')])
    const foretold = await cache.preview({ bytes: 150 * MIB })
    assert.deepEqual(evicted, [])
    const done = await cache.evictBytes(150 * MIB)
    assert.deepEqual(done, foretold)
    assert.deepEqual(
      done.evictions.map(({ digest, reason }) => [digest, reason]),
      [1, 3].map((index) => [digestOf(index), 'operator']),
    )
    assert.equal(done.freedBytes, 200 * MIB)
    assert.deepEqual(
      done.kept.map(({ digest, pins }) => [digest, pins.length]),
      [
        [digestOf(2), 1],
        [digestOf(4), 0],
        [digestOf(5), 0],
      ],
    )
    assert.equal((await cache.evictBytes(9000 * MIB)).freedBytes, 200 * MIB)
    assert.deepEqual(cache.evictionCounts, { space: 0, age: 0, operator: 4, purge: 0 })
  })

  test('counts what was withdrawn, and forgets it', async () => {
    const { cache, fill, history } = createCacheFixture()
    fill(1, 1)
    cache.purged(digestOf(1))
    assert.equal(cache.evictionCounts.purge, 1)
    assert.equal(history.entry(digestOf(1), 0).uses, 0)
  })
})

suite('looking at a cache', () => {
  test('lists layers as they would go, with what they are worth and who holds them', async () => {
    const { cache, stock, fill, users, otherPins, clock } = createCacheFixture()
    fill(1, 3)
    stock.put(digestOf(4), MIB, { base: digestOf(1) })
    users.set(digestOf(2), [machinePin(2, 'qemu 7')])
    otherPins.set(digestOf(2), [{ ...machinePin(2, 'disk 8'), kind: 'disk' }])
    clock.advance(1)
    const list = await cache.list()
    assert.deepEqual(
      list.map(({ digest }) => digest),
      [3, 4, 1, 2].map(digestOf),
    )
    assert.deepEqual(
      list.at(-1)?.pins.map(({ owner }) => owner),
      ['disk 8', 'qemu 7'],
    )
    assert.deepEqual(
      list.map(({ value, lastUsedAt }) => value === lastUsedAt),
      [true, true, true, true],
    )
  })

  test('tells where the space goes', async () => {
    const { cache, stock, fill } = createCacheFixture()
    fill(1, 2)
    stock.files.set('disk', 50 * MIB)
    stock.foreignBytes = 100 * MIB
    await cache.reserve(digestOf(2), 130 * MIB)
    await cache.reserve('staged', 20 * MIB)
    assert.deepEqual(await cache.space(), {
      ...{ limitBytes: 1000 * MIB, takenBytes: 300 * MIB, layerBytes: 200 * MIB, otherBytes: 50 * MIB },
      ...{ reservedBytes: 50 * MIB, highWatermarkBytes: 900 * MIB, lowWatermarkBytes: 700 * MIB },
      ...{ freeBytes: 1650 * MIB, totalBytes: 2000 * MIB },
    })
  })

  test('goes by another policy when it is told to', async () => {
    const { cache, fill, stock, evictedDigests } = createCacheFixture({ policy: 'fifo' })
    assert.equal(cache.policyName, 'fifo')
    assert.throws(() => cache.setPolicy('none'), { code: 'SHOAL_CACHE_POLICY_UNKNOWN' })
    assert.equal(cache.policyName, 'fifo')
    cache.setPolicy('lru')
    fill(1, 2)
    fill(1, 1)
    await cache.evictBytes(1)
    assert.deepEqual([evictedDigests(), cache.policyName], [[digestOf(2)], 'lru'])
    cache.setPolicy('fifo')
    stock.put(digestOf(3), MIB)
    await cache.evictBytes(1)
    assert.deepEqual(evictedDigests().at(-1), digestOf(1))
  })

  test('keeps the last copies longest when that is wanted', async () => {
    const { cache, fill, replicas, evictedDigests } = createCacheFixture({ lastCopiesLast: true })
    fill(1, 9)
    for (const index of [5, 8]) replicas.set(digestOf(index), { rack: 1, zone: 0, elsewhere: 0 })
    await cache.reserve('new', 50 * MIB)
    assert.deepEqual(evictedDigests(), [5, 8, 1].map(digestOf))
  })
})
