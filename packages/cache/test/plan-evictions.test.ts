import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { seededRandom } from '@shoal/core'
import fc from 'fast-check'
import type { CacheEntry } from '../src/cache-entry.ts'
import type { Eviction } from '../src/eviction.ts'
import { type HeldLayer, isHeldBack, needsBase } from '../src/held-layer.ts'
import { type EvictionPlanOptions, planEvictions } from '../src/plan-evictions.ts'
import { lru } from '../src/policies/lru.ts'
import { heldLayer, pinOf } from './held-layers.ts'
import { digestOf } from './memory-stock.ts'

const facts = { nowMs: 1000, misses: 0, inflation: 0, clusterWeight: 0.5 }
const AGED_UNTIL = 3

/** As `lru`, but what was used last at 3 or before is aged. */
function lruWithAge({ lastUsedAt }: CacheEntry): number {
  return lastUsedAt <= AGED_UNTIL ? Number.NEGATIVE_INFINITY : lastUsedAt
}

function plan(layers: readonly HeldLayer[], wantedBytes: number, options: Partial<EvictionPlanOptions> = {}) {
  return planEvictions(layers, wantedBytes, {
    ...{ policy: lru, facts, lastCopiesLast: false, remnantBytes: 0 },
    ...options,
  })
}

function evicted(...args: Parameters<typeof plan>): string[] {
  return plan(...args).evictions.map(({ digest }) => digest)
}

/** Which goes, and the bytes that are kept of it. */
function kept(...args: Parameters<typeof plan>): [string, number][] {
  return plan(...args).evictions.map(({ digest, keptBytes }) => [digest, keptBytes])
}

suite('a plan of evictions', () => {
  test('takes what is worth least first, and no more than is needed', () => {
    const layers = [heldLayer(3), heldLayer(1), heldLayer(2)]
    assert.deepEqual(evicted(layers, 15), [digestOf(1), digestOf(2)])
    assert.deepEqual(evicted(layers, 0), [])
    const [first] = plan(layers, 5).evictions
    const expected = { digest: digestOf(1), sizeBytes: 10, keptBytes: 0, value: 1, isLastCopy: true, reason: 'space' }
    assert.deepEqual(first, expected)
  })

  test('goes by the last use among those that are worth the same', () => {
    const layers = [3, 1, 2].map((index) => heldLayer(index))
    assert.deepEqual(evicted(layers, 20, { policy: () => 7 }), [digestOf(1), digestOf(2)])
  })

  test('leaves what is pinned, and what is below it', () => {
    const layers = [
      ...[heldLayer(1, { pins: [pinOf(1)] }), heldLayer(2)],
      ...[heldLayer(3, { base: digestOf(2), pins: [pinOf(3)] }), heldLayer(4, { sizeBytes: 9 })],
    ]
    const { evictions, freedBytes, kept } = plan(layers, 100)
    assert.deepEqual(
      evictions.map(({ digest }) => digest),
      [digestOf(4)],
    )
    assert.equal(freedBytes, 9)
    assert.deepEqual(
      kept.map(({ digest }) => digest),
      [1, 2, 3].map(digestOf),
    )
  })

  test('leaves what is on its way, and what is below it', () => {
    const layers = [heldLayer(1), heldLayer(2, { base: digestOf(1), isBusy: true }), heldLayer(3)]
    assert.deepEqual(evicted(layers, 100), [digestOf(3)])
  })

  test('takes a base after its last middle, however little it is used', () => {
    const layers = [
      ...[heldLayer(1), heldLayer(5, { base: digestOf(1) }), heldLayer(6, { base: digestOf(1) }), heldLayer(3)],
      heldLayer(7),
    ]
    assert.deepEqual(evicted(layers, 40), [3, 5, 6, 1].map(digestOf))
  })
})

suite('what is aged', () => {
  test('goes even when no space is needed, all of it', () => {
    const layers = [4, 3, 1, 2].map((index) => heldLayer(index, { bootBytes: 2 }))
    const { evictions } = plan(layers, 0, { policy: lruWithAge, remnantBytes: 100 })
    assert.deepEqual(
      evictions.map(({ digest, keptBytes, reason }) => [digest, keptBytes, reason]),
      [1, 2, 3].map((index) => [digestOf(index), 0, 'age']),
    )
  })

  test('goes when it is a remnant, too, and when it is a last copy', () => {
    const layers = [heldLayer(1, { isRemnant: true, bootBytes: 10 }), heldLayer(2)]
    assert.deepEqual(evicted(layers, 0, { policy: lruWithAge, remnantBytes: 100, lastCopiesLast: true }), [
      digestOf(1),
      digestOf(2),
    ])
  })

  test('stays as long as something above needs it', () => {
    const layers = [heldLayer(1), heldLayer(9, { base: digestOf(1) }), heldLayer(8)]
    assert.deepEqual(evicted(layers, 0, { policy: lruWithAge }), [])
    assert.deepEqual(evicted(layers, 11, { policy: lruWithAge }), [8, 9, 1].map(digestOf))
  })
})

suite('remnants', () => {
  const boot = { bootBytes: 4 }
  const remnant = { sizeBytes: 4, bootBytes: 4, isRemnant: true }

  test('stay of whole layers while their share has room', () => {
    const layers = [heldLayer(1, boot), heldLayer(2, boot), heldLayer(3)]
    const { evictions, freedBytes } = plan(layers, 12, { remnantBytes: 8 })
    assert.deepEqual(
      evictions.map(({ digest, sizeBytes, keptBytes }) => [digest, sizeBytes, keptBytes]),
      [1, 2].map((index) => [digestOf(index), 6, 4]),
    )
    assert.equal(freedBytes, 12)
  })

  test('stay neither of what is smaller nor where nothing is known of the boot', () => {
    const layers = [heldLayer(1, { bootBytes: 10 }), heldLayer(2)]
    assert.deepEqual(kept(layers, 20, { remnantBytes: 100 }), [
      [digestOf(1), 0],
      [digestOf(2), 0],
    ])
  })

  test('give way to more valuable ones only', () => {
    const layers = [heldLayer(1, remnant), heldLayer(5, boot), heldLayer(8, remnant)]
    assert.deepEqual(kept(layers, 1, { remnantBytes: 8 }), [
      [digestOf(1), 0],
      [digestOf(5), 4],
    ])
    const worthMore = [heldLayer(6, remnant), heldLayer(5, boot), heldLayer(8, remnant)]
    assert.deepEqual(kept(worthMore, 1, { remnantBytes: 8 }), [[digestOf(5), 0]])
  })

  test('do not go in vain for one that would not fit even so', () => {
    const layers = [heldLayer(1, remnant), heldLayer(5, { bootBytes: 9 }), heldLayer(8, remnant)]
    assert.deepEqual(kept(layers, 1, { remnantBytes: 8 }), [[digestOf(5), 0]])
  })

  test('are left of the most valuable of those that go together', () => {
    const layers = [1, 2, 3].map((index) => heldLayer(index, boot))
    const { evictions, freedBytes } = plan(layers, 22, { remnantBytes: 7 })
    assert.deepEqual(
      evictions.map(({ sizeBytes, keptBytes }) => [sizeBytes, keptBytes]),
      [
        [10, 0],
        [10, 0],
        [6, 4],
      ],
    )
    assert.equal(freedBytes, 26)
  })

  test('go first when they take more than their share, but only when space is needed', () => {
    const layers = [heldLayer(7, remnant), heldLayer(8, remnant), heldLayer(9, remnant), heldLayer(1)]
    assert.deepEqual(evicted(layers, 0, { remnantBytes: 4 }), [])
    assert.deepEqual(evicted(layers, 9, { remnantBytes: 4 }), [7, 8, 1].map(digestOf))
  })

  test('go at last, and none is left of what goes', () => {
    const layers = [heldLayer(1, remnant), heldLayer(2, boot), heldLayer(3, boot)]
    assert.deepEqual(kept(layers, 20, { remnantBytes: 100 }), [
      [digestOf(2), 0],
      [digestOf(3), 4],
      [digestOf(1), 0],
    ])
  })

  test('do not keep a base, unless somebody holds them', () => {
    const above = { ...remnant, base: digestOf(1) }
    assert.deepEqual(evicted([heldLayer(1), heldLayer(2, above)], 10, { remnantBytes: 100 }), [digestOf(1)])
    const pinned = heldLayer(2, { ...above, pins: [pinOf(2)] })
    assert.deepEqual(evicted([heldLayer(1), pinned], 10, { remnantBytes: 100 }), [])
  })

  test('let the base go when they are all that is left of its last middle', () => {
    const layers = [heldLayer(1), heldLayer(2, { ...boot, base: digestOf(1) })]
    assert.deepEqual(kept(layers, 16, { remnantBytes: 4 }), [
      [digestOf(2), 4],
      [digestOf(1), 0],
    ])
  })

  test('that are below a whole middle go after it', () => {
    const layers = [heldLayer(1, remnant), heldLayer(2, { base: digestOf(1) })]
    assert.deepEqual(evicted(layers, 14, { remnantBytes: 100 }), [2, 1].map(digestOf))
  })
})

suite('last copies', () => {
  const replicas = { rack: 0, zone: 0, elsewhere: 1 }
  const layers = [heldLayer(1), heldLayer(2, { replicas }), heldLayer(3), heldLayer(4, { replicas })]

  test('go last when that is wanted, but they go', () => {
    assert.deepEqual(evicted(layers, 40), [1, 2, 3, 4].map(digestOf))
    assert.deepEqual(evicted(layers, 40, { lastCopiesLast: true }), [2, 4, 1, 3].map(digestOf))
  })

  test('are told from others, and a remnant is no copy', () => {
    const withRemnant = [...layers, heldLayer(5, { isRemnant: true })]
    assert.deepEqual(
      plan(withRemnant, 50, { remnantBytes: 100 }).evictions.map(({ isLastCopy }) => isLastCopy),
      [true, false, true, false, false],
    )
  })
})

test('4096 layers are planned at once', () => {
  const random = seededRandom(3)
  const layers = Array.from({ length: 4096 }, (_, index) => {
    const base = index % 4 === 0 ? null : digestOf(index - (index % 4))
    const change = { base, bootBytes: 1 + Math.floor(random() * 5), lastUsedAt: random(), isRemnant: random() < 0.2 }
    return heldLayer(index, change)
  })
  const times = Array.from({ length: 5 }, (_, run) => {
    // Processor time: other tests run at the same time.
    const begin = process.cpuUsage()
    assert.ok(plan(layers, run === 0 ? 1e9 : 20_000, { remnantBytes: 4000 }).evictions.length > 1000)
    return process.cpuUsage(begin).user / 1000
  })
  assert.ok(Math.min(...times) < 50, `${times.map(Math.round).join(', ')} ms`)
})

test('whatever is held, a plan takes what it may, in an order in which it can go', () => {
  const part = fc.record({
    sizeBytes: fc.nat(100),
    bootBytes: fc.oneof(fc.constant(0), fc.nat(60)),
    isRemnant: fc.boolean(),
    isBusy: fc.nat(9).map((number) => number === 0),
    isPinned: fc.nat(6).map((number) => number === 0),
    lastUsedAt: fc.nat(20),
    base: fc.nat(5),
    copies: fc.nat(1),
  })
  const options = fc.record({ wantedBytes: fc.nat(1500), remnantBytes: fc.oneof(fc.constant(0), fc.nat(200)) })
  fc.assert(
    fc.property(fc.array(part, { maxLength: 30 }), options, fc.boolean(), (parts, wanted, lastCopiesLast) => {
      const layers = parts.map(({ isPinned, copies, base, ...change }, index) => {
        // The first six may be bases.
        const below = index > 5 && base < 4 ? digestOf(base) : null
        const replicas = { rack: 0, zone: copies, elsewhere: 0 }
        return heldLayer(index, { ...change, base: below, replicas, pins: isPinned ? [pinOf(index)] : [] })
      })
      check(layers, wanted, lastCopiesLast)
    }),
    { numRuns: 1000 },
  )
})

function check(
  layers: readonly HeldLayer[],
  { wantedBytes, remnantBytes }: { wantedBytes: number; remnantBytes: number },
  lastCopiesLast: boolean,
): void {
  const options = { policy: lruWithAge, facts, lastCopiesLast, remnantBytes }
  const { evictions, freedBytes } = planEvictions(layers, wantedBytes, options)
  const byDigest = new Map(layers.map((layer) => [layer.digest, layer]))
  const gone = new Map<string, Eviction>()
  const isNeeded = ({ digest }: HeldLayer) =>
    layers.some((other) => other.base === digest && needsBase(other) && !gone.has(other.digest))
  for (const eviction of evictions) {
    const layer = byDigest.get(eviction.digest)
    assert.ok(layer !== undefined && !isHeldBack(layer) && !gone.has(eviction.digest))
    assert.ok(!isNeeded(layer), 'a base goes before its middle')
    assert.equal(eviction.sizeBytes + eviction.keptBytes, layer.sizeBytes)
    assert.ok(eviction.keptBytes === 0 || (eviction.keptBytes === layer.bootBytes && eviction.reason === 'space'))
    assert.equal(eviction.reason === 'age', layer.lastUsedAt <= AGED_UNTIL)
    gone.set(eviction.digest, eviction)
  }
  assert.equal(
    freedBytes,
    evictions.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  )
  const stay = layers.filter((layer) => !gone.has(layer.digest) && !isHeldBack(layer) && !isNeeded(layer))
  assert.ok(
    stay.every(({ lastUsedAt }) => lastUsedAt > AGED_UNTIL),
    'something aged stays',
  )
  const keptBytes = evictions.reduce((sum, one) => sum + one.keptBytes, 0)
  if (freedBytes < wantedBytes) assert.deepEqual([stay.filter(({ sizeBytes }) => sizeBytes > 0), keptBytes], [[], 0])
  const remnants = layers.filter(({ digest, isRemnant }) => isRemnant && !gone.has(digest))
  const staying = remnants.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  assert.ok(keptBytes === 0 || staying + keptBytes <= remnantBytes, 'remnants beyond their share')
  const forSpace = evictions.filter(({ reason }) => reason === 'space')
  const last = remnantBytes === 0 ? forSpace.at(-1) : undefined
  if (last !== undefined && evictions.at(-1) === last) {
    assert.ok(freedBytes - last.sizeBytes < wantedBytes, 'more goes than is needed')
  }
}
