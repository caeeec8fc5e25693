import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { type Digest, ManualClock, silentLogger } from '@shoal/core'
import { createMemoryState } from '@shoal/state'
import fc from 'fast-check'
import { LayerCache } from '../src/layer-cache.ts'
import { Pins } from '../src/pins.ts'
import { worth } from '../src/policies/worth.ts'
import type { Reservation } from '../src/reservations.ts'
import { UseHistory } from '../src/use-history.ts'
import { digestOf, MemoryStock } from './memory-stock.ts'

const LIMIT = { maxBytes: 1000, maxShare: 1, minFreeBytes: 100, highWatermark: 0.9, lowWatermark: 0.7 }

function createFixture() {
  const clock = new ManualClock(1_000_000)
  const stock = new MemoryStock(2000)
  const pins = new Pins({ state: createMemoryState(), clock })
  const history = new UseHistory()
  const evicted: Digest[] = []
  const cache = new LayerCache(
    {
      ...{ stock, pins, history, clock, logger: silentLogger },
      replicas: () => ({ rack: 0, zone: 0, elsewhere: 0 }),
      onEvicted: ({ digest }) => void evicted.push(digest),
    },
    { limit: LIMIT, policy: worth },
  )
  return { clock, stock, pins, history, cache, evicted }
}

suite('a cache', () => {
  test('evicts nothing below its high watermark, and down to the low one above it', async () => {
    const { cache, stock, evicted } = createFixture()
    for (let index = 1; index <= 8; index += 1) stock.put(digestOf(index), 100)
    await cache.reserve('new', 100)
    assert.deepEqual(evicted, [])
    await cache.reserve('more', 100)
    assert.equal(evicted.length, 3)
  })

  test('promises the same room only once', async () => {
    const { cache, stock } = createFixture()
    stock.put(digestOf(1), 100)
    await new Promise(setImmediate)
    const asked = await Promise.allSettled([1, 2, 3].map((index) => cache.reserve(`layer ${index}`, 400)))
    assert.deepEqual(
      asked.map(({ status }) => status),
      ['fulfilled', 'fulfilled', 'rejected'],
    )
    const [, , third] = asked
    assert.equal((third as PromiseRejectedResult).reason.code, 'SHOAL_CACHE_FULL')
  })

  test('says who holds the space, and evicts nothing in vain', async () => {
    const { cache, stock, pins, evicted } = createFixture()
    stock.put(digestOf(1), 600)
    stock.put(digestOf(2), 200)
    await pins.add({ digest: digestOf(1), kind: 'machine', owner: 'vm-7', expiresAt: null })
    await assert.rejects(cache.reserve('large', 500), { code: 'SHOAL_CACHE_FULL', message: /vm-7/ })
    assert.deepEqual(evicted, [])
    await assert.rejects(cache.reserve('larger', 1500), { code: 'SHOAL_CACHE_TOO_LARGE' })
  })

  test('leaves what somebody has just begun to read, and takes another', async () => {
    const { cache, stock, evicted } = createFixture()
    for (const index of [1, 2]) stock.put(digestOf(index), 400)
    stock.read.add(digestOf(1))
    await cache.reserve('new', 500)
    assert.deepEqual(evicted, [digestOf(2)])
    await assert.rejects(cache.reserve('more', 300), { code: 'SHOAL_CACHE_FULL' })
  })

  test('gives way when others fill the file system', async () => {
    const { cache, stock } = createFixture()
    stock.put(digestOf(1), 300)
    stock.foreignBytes = 1500
    // 200 are free, of which 100 stay so.
    await cache.reserve('small', 60)
    await assert.rejects(cache.reserve('large', 450), { code: 'SHOAL_CACHE_TOO_LARGE' })
  })

  test('whatever happens: the limit holds, what is pinned stays, and a base outlives its middles', async () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('fetch' as const), layer: fc.nat(20), bytes: fc.integer({ min: 1, max: 500 }) }),
      fc.record({ do: fc.constant('arrive' as const), part: fc.double({ min: 0, max: 1, noNaN: true }) }),
      fc.record({ do: fc.constant('give-up' as const) }),
      fc.record({ do: fc.constant('use' as const), layer: fc.nat(20) }),
      fc.record({
        do: fc.constant('pin' as const),
        layer: fc.nat(20),
        forMs: fc.option(fc.integer({ min: 1, max: 50 })),
      }),
      fc.record({ do: fc.constant('unpin' as const), layer: fc.nat(20) }),
      fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 30 }) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { cache, clock, stock, pins, history, evicted } = createFixture()
        const open = new Map<Digest, Reservation>()
        for (const each of steps) {
          const pinned = new Set(pins.all().map(({ digest }) => digest))
          const before = evicted.length
          if (each.do === 'fetch') {
            const digest = digestOf(each.layer)
            if (stock.held.has(digest)) continue
            // Every third is a middle of one that is there.
            const [first] = stock.held.values()
            const base = each.layer % 3 === 0 && first?.base === null ? first.digest : null
            const reserved = await cache.reserve(digest, each.bytes).catch(() => undefined)
            if (reserved === undefined) assert.equal(evicted.length, before, 'evicted in vain')
            else if (base !== null && !stock.held.has(base)) reserved.end()
            else {
              open.set(digest, reserved)
              stock.put(digest, 0, { base, isComplete: false })
              history.used(digest, clock.now())
            }
          } else if (each.do === 'arrive') {
            const [next] = open.keys()
            const layer = next === undefined ? undefined : stock.held.get(next)
            const reserved = next === undefined ? undefined : open.get(next)
            if (next === undefined || layer === undefined || reserved === undefined) continue
            const allocatedBytes = Math.floor(reserved.bytes * each.part)
            stock.put(next, Math.max(layer.allocatedBytes, allocatedBytes), { ...layer, isComplete: each.part === 1 })
            if (each.part > 0.8) {
              stock.put(next, reserved.bytes, { base: layer.base })
              reserved.end()
              open.delete(next)
            }
          } else if (each.do === 'give-up') {
            const next = [...open.keys()].find(
              (digest) => ![...stock.held.values()].some(({ base }) => base === digest),
            )
            if (next === undefined) continue
            open.get(next)?.end()
            open.delete(next)
            stock.held.delete(next)
          } else if (each.do === 'use') {
            if (stock.held.has(digestOf(each.layer))) history.used(digestOf(each.layer), clock.now())
          } else if (each.do === 'pin') {
            const expiresAt = each.forMs === null ? null : clock.now() + each.forMs
            await pins.add({ digest: digestOf(each.layer), kind: 'plan', owner: 'plan', expiresAt })
          } else if (each.do === 'unpin') {
            await pins.remove({ digest: digestOf(each.layer), kind: 'plan', owner: 'plan' }).catch(() => {})
          } else await clock.advance(each.ms)
          for (const digest of evicted.slice(before)) assert.ok(!pinned.has(digest), 'what is pinned was evicted')
          for (const { base } of stock.held.values()) assert.ok(base === null || stock.held.has(base), 'no base')
          const promised = [...open].reduce((sum, [digest, { bytes }]) => {
            return sum + Math.max(0, bytes - (stock.held.get(digest)?.allocatedBytes ?? 0))
          }, 0)
          assert.ok(stock.usedBytes + promised <= LIMIT.maxBytes, 'over the limit')
        }
      }),
      { numRuns: 300 },
    )
  })
})
