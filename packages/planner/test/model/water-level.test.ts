import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { waterLevel } from '../../src/model/water-level.ts'

function levelOf(rates: readonly number[], counts: readonly number[], supply: number): number {
  return waterLevel({ rates, counts, from: 0, to: rates.length }, supply)
}

test('those who want little get it, and the others share what is left', () => {
  assert.equal(levelOf([1, 5, 9], [2, 1, 1], 8), 3)
  assert.equal(levelOf([4], [2], 0), 0)
})

test('with nobody to hold back there is no level', () => {
  assert.equal(levelOf([1, 2], [3, 4], 100), Number.POSITIVE_INFINITY)
  assert.equal(levelOf([], [], 0), Number.POSITIVE_INFINITY)
  assert.equal(levelOf([1], [1], Number.POSITIVE_INFINITY), Number.POSITIVE_INFINITY)
})

test('what rises to the level uses up the supply, or is all that is wanted', () => {
  const flows = fc.array(fc.record({ rate: fc.nat(1000), count: fc.integer({ min: 1, max: 50 }) }))
  fc.assert(
    fc.property(flows, fc.nat(20_000), (some, supply) => {
      const [rates, counts] = [some.map(({ rate }) => rate), some.map(({ count }) => count)]
      const level = levelOf(rates, counts, supply)
      const sum = some.reduce((all, { rate, count }) => all + Math.min(rate, level) * count, 0)
      const wanted = some.reduce((all, { rate, count }) => all + rate * count, 0)
      assert.ok(Math.abs(sum - Math.min(wanted, supply)) <= 1e-6 * (1 + supply), `${sum} of ${wanted}, ${supply}`)
    }),
  )
})
