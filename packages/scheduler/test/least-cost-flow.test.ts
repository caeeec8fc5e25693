import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { leastCostFlow } from '../src/least-cost-flow.ts'

const FORBIDDEN = Number.POSITIVE_INFINITY

/** One kind a unit, so that every way of placing them can be tried. */
const inputArbitrary = fc
  .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 4 }))
  .chain(([kinds, places]) => {
    const rowOf = (value: fc.Arbitrary<number>) => fc.array(value, { minLength: places, maxLength: places })
    const cost = fc.oneof({ weight: 5, arbitrary: fc.nat(30) }, { weight: 1, arbitrary: fc.constant(FORBIDDEN) })
    return fc.record({
      unitCosts: fc.array(rowOf(cost), { minLength: kinds, maxLength: kinds }),
      slots: rowOf(fc.nat(3)),
      loads: rowOf(fc.nat(3)),
      spreadCost: fc.constantFrom(0, 3),
    })
  })
  .map(({ unitCosts, slots, loads, spreadCost }) => ({
    units: unitCosts.map(() => 1),
    unitCosts: unitCosts.map((row) => Float64Array.from(row)),
    slots: Int32Array.from(slots),
    loads: Float64Array.from(loads),
    spreadCost,
  }))

type Input = ReturnType<typeof inputArbitrary.generate>['value']

function bestOf({ units, unitCosts, slots, loads, spreadCost }: Input) {
  const totals = new Int32Array(slots.length)
  let best = { unplaced: units.length + 1, cost: 0 }
  const place = (kind: number, unplaced: number, cost: number): void => {
    if (kind === units.length) {
      if (unplaced < best.unplaced || (unplaced === best.unplaced && cost < best.cost)) best = { unplaced, cost }
      return
    }
    place(kind + 1, unplaced + 1, cost)
    for (let at = 0; at < slots.length; at += 1) {
      const [unitCost = 0, total = 0] = [unitCosts[kind]?.[at], totals[at]]
      if (total >= (slots[at] ?? 0) || unitCost === FORBIDDEN) continue
      totals[at] = total + 1
      place(kind + 1, unplaced, cost + unitCost + spreadCost * ((loads[at] ?? 0) + total))
      totals[at] = total
    }
  }
  place(0, 0, 0)
  return best
}

test('as many units as can be have a place, at the least cost of all ways', () => {
  fc.assert(
    fc.property(inputArbitrary, (input) => {
      const { cost, unplaced } = leastCostFlow(input)
      const best = bestOf(input)
      assert.equal(unplaced, best.unplaced)
      assert.ok(Math.abs(cost - best.cost) < 1e-6, `${cost} instead of ${best.cost}`)
    }),
    { numRuns: 500 },
  )
})

test('a unit gives way where another can go nowhere else', () => {
  const unitCosts = [Float64Array.of(1, 5), Float64Array.of(1, FORBIDDEN)]
  const flow = leastCostFlow({
    units: [1, 1],
    unitCosts,
    slots: Int32Array.of(1, 1),
    loads: new Float64Array(2),
    spreadCost: 0,
  })
  assert.deepEqual(
    flow.counts.map((row) => [...row]),
    [
      [0, 1],
      [1, 0],
    ],
  )
  assert.equal(flow.cost, 6)
})
