import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { rateShares } from '../../src/prefetch/rate-shares.ts'

const MIB = 1024 ** 2
const none = new Map<string, number>()
const nodes = (rates: Record<string, number>) =>
  Object.entries(rates).map(([node, bytesPerSecond]) => ({ node, bytesPerSecond }))
const limits = (bytesPerSecond: number | null, nodeBytesPerSecond: number | null = null) => ({
  bytesPerSecond,
  nodeBytesPerSecond,
})
const shared = (shares: ReadonlyMap<string, number> | null) => Object.fromEntries(shares ?? [])
const sum = (shares: ReadonlyMap<string, number> | null) => [...(shares ?? none).values()].reduce((a, b) => a + b, 0)

it('a plan without limits divides nothing, and a limit of each node needs no dividing', () => {
  assert.equal(rateShares(limits(null), nodes({ a: 1 }), none), null)
  assert.deepEqual(shared(rateShares(limits(null, 7 * MIB), nodes({ a: 1, b: 9 }), none)), { a: 7 * MIB, b: 7 * MIB })
})

it('nodes of which nothing is known get equal parts, no more than each may have', () => {
  assert.deepEqual(shared(rateShares(limits(10 * MIB), nodes({ a: 0, b: 0 }), none)), { a: 5 * MIB, b: 5 * MIB })
  assert.deepEqual(shared(rateShares(limits(10 * MIB, MIB), nodes({ a: 0, b: 0 }), none)), { a: MIB, b: MIB })
  assert.deepEqual(shared(rateShares(limits(10 * MIB), [], none)), {})
})

it('what a node does not use goes to the others, and it can grow again', () => {
  const before = new Map([
    ['slow', 5 * MIB],
    ['fast', 5 * MIB],
  ])
  const shares = shared(rateShares(limits(10 * MIB), nodes({ slow: MIB, fast: 5 * MIB }), before))
  assert.deepEqual(shares, { slow: 1.5 * MIB, fast: 8.5 * MIB })
  const grown = new Map(Object.entries(shares))
  const later = shared(rateShares(limits(10 * MIB), nodes({ slow: 1.5 * MIB, fast: 8.5 * MIB }), grown))
  assert.deepEqual(later, { slow: 5 * MIB, fast: 5 * MIB })
})

it('nodes that have not begun, so that nothing of their need is measured, have all of the limit together', () => {
  const before = new Map([
    ['a', 5 * MIB],
    ['b', 5 * MIB],
  ])
  const shares = rateShares(limits(10 * MIB), nodes({ a: 0, b: 0 }), before)
  assert.deepEqual(shared(shares), { a: 5 * MIB, b: 5 * MIB })
})

it('where there are too many nodes some wait, until others are ready', () => {
  const many = Array.from({ length: 10 }, (_, index) => ({ node: `n${index}`, bytesPerSecond: 0 }))
  const shares = rateShares(limits(MIB), many, none)
  assert.deepEqual([...(shares?.keys() ?? [])], ['n0', 'n1', 'n2', 'n3'])
  assert.equal(sum(shares), MIB)
  assert.deepEqual([...(rateShares(limits(16 * 1024), many, none)?.keys() ?? [])], ['n0'])
})

it('shares are never more than the limits, leave nothing lying, and are fair', () => {
  const rate = fc.integer({ min: 0, max: 50 * MIB })
  const property = fc.property(
    fc.integer({ min: 16 * 1024, max: 200 * MIB }),
    fc.option(fc.integer({ min: 16 * 1024, max: 50 * MIB })),
    fc.array(fc.record({ bytesPerSecond: rate, before: fc.option(rate) }), { maxLength: 60 }),
    (limit, nodeLimit, rows) => {
      const named = rows.map(({ bytesPerSecond }, index) => ({ node: `n${index}`, bytesPerSecond }))
      const before = new Map(rows.flatMap((row, index) => (row.before === null ? [] : [[`n${index}`, row.before]])))
      const shares = rateShares(limits(limit, nodeLimit), named, before)
      assert.ok(shares !== null)
      assert.ok(sum(shares) <= limit)
      const most = nodeLimit ?? Number.POSITIVE_INFINITY
      for (const share of shares.values()) assert.ok(share >= 0 && share <= most && Number.isInteger(share))
      // Each division loses less than a byte for each node, twice.
      const possible = Math.min(limit, most * shares.size)
      if (shares.size > 0) assert.ok(sum(shares) >= possible - 2 * shares.size, `${sum(shares)} of ${possible}`)
      const greedy = named.filter(({ node, bytesPerSecond }) => {
        const had = before.get(node)
        return shares.has(node) && (had === undefined || bytesPerSecond >= had)
      })
      const parts = greedy.map(({ node }) => shares.get(node) ?? 0)
      assert.ok(
        parts.every((part) => Math.max(...parts) - part <= 2),
        'those that use all of theirs get the same',
      )
      const biggest = Math.max(0, ...shares.values())
      if (parts.length > 0) assert.ok(Math.min(...parts) >= biggest - 2, 'and nobody gets more')
    },
  )
  fc.assert(property, { numRuns: 300, seed: 1 })
})
