import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { TurnOrder, type TurnShare, type TurnTerms } from '../../src/scheduler/turn-order.ts'

const PIECE = 256 * 1024
const EQUAL: TurnTerms = { priority: 50, wave: 0, weight: 10 }

/** The first of those who ask, as whoever uses the order finds it. */
function first(order: TurnOrder, asking: readonly TurnShare[], isHead = false): TurnShare {
  return asking.reduce((best, share) => (order.compare(share, isHead, best, isHead) < 0 ? share : best))
}

test('the highest priority goes first, then heads, then the lowest wave, whatever was taken before', () => {
  const order = new TurnOrder()
  const terms = fc.record({
    priority: fc.integer({ min: 0, max: 3 }),
    wave: fc.integer({ min: 0, max: 3 }),
    weight: fc.integer({ min: 1, max: 100 }),
  })
  const one = fc.record({ terms, isHead: fc.boolean(), takenBytes: fc.integer({ min: 0, max: 1e9 }) })
  fc.assert(
    fc.property(one, one, (a, b) => {
      const [left, right] = [order.join(a.terms), order.join(b.terms)]
      order.take(left, a.isHead, a.takenBytes)
      order.take(right, b.isHead, b.takenBytes)
      const keys = [a, b].map(({ terms: { priority, wave }, isHead }) => [-priority, isHead ? 0 : 1, wave])
      const difference = [0, 1, 2].map((n) => (keys[0]?.[n] ?? 0) - (keys[1]?.[n] ?? 0)).find((part) => part !== 0)
      const found = order.compare(left, a.isHead, right, b.isHead)
      if (difference !== undefined) assert.equal(Math.sign(found), Math.sign(difference))
      assert.equal(Math.sign(order.compare(right, b.isHead, left, a.isHead)), -Math.sign(found) + 0)
      order.leave(left)
      order.leave(right)
    }),
    { seed: 3 },
  )
})

test('equals that always ask get bytes by their weights, within a tenth', () => {
  const weights = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 2, maxLength: 8 })
  const sizes = fc.array(fc.integer({ min: 1000, max: 4 * PIECE }), { minLength: 1, maxLength: 7 })
  fc.assert(
    fc.property(weights, sizes, (all, bytes) => {
      const order = new TurnOrder()
      const shares = all.map((weight) => order.join({ ...EQUAL, weight }))
      const taken = new Map(shares.map((share) => [share, 0]))
      const sum = all.reduce((a, b) => a + b)
      // So that the least has some thirty turns of the largest.
      const total = (30 * Math.max(...bytes) * sum) / Math.min(...all)
      let turn = 0
      for (let done = 0; done < total; turn += 1) {
        const size = bytes[turn % bytes.length] ?? PIECE
        const share = first(order, shares)
        order.take(share, false, size)
        taken.set(share, (taken.get(share) ?? 0) + size)
        done += size
      }
      const all_ = [...taken.values()].reduce((a, b) => a + b)
      for (const [index, share] of shares.entries()) {
        const part = (taken.get(share) ?? 0) / all_ / ((all[index] ?? 1) / sum)
        assert.ok(part > 0.9 && part < 1.1, `${all}: ${index} has ${part} of its share`)
      }
    }),
    { numRuns: 40, seed: 3 },
  )
})

test('one that asked for nothing saves nothing up, and one that was alone owes nothing', () => {
  const order = new TurnOrder()
  const [busy, idle] = [order.join(EQUAL), order.join(EQUAL)]
  for (let n = 0; n < 1000; n += 1) order.take(busy, false, PIECE)
  const late = order.join(EQUAL)
  const given = new Map<TurnShare, number>()
  for (let n = 0; n < 30; n += 1) {
    const share = first(order, [busy, idle, late])
    given.set(share, (given.get(share) ?? 0) + 1)
    order.take(share, false, PIECE)
  }
  for (const share of [busy, idle, late]) assert.ok(Math.abs((given.get(share) ?? 0) - 10) <= 1)
})

test('with other terms it begins anew among its new equals, and with the same ones it stays where it is', () => {
  const order = new TurnOrder()
  const [moved, other] = [order.join(EQUAL), order.join({ ...EQUAL, priority: 60 })]
  for (let n = 0; n < 1000; n += 1) order.take(moved, false, PIECE)
  order.take(other, false, PIECE)
  order.setTerms(moved, { ...EQUAL, priority: 60 })
  assert.ok(order.compare(moved, false, other, false) < 0)
  order.take(moved, false, PIECE)
  order.take(moved, false, PIECE)
  order.setTerms(moved, { ...EQUAL, priority: 60, weight: 100 })
  assert.ok(order.compare(moved, false, other, false) > 0)
})
