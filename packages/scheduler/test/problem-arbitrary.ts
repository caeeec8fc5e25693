import fc from 'fast-check'
import type { PlacementProblem } from '../src/placement-problem.ts'

const small = (max: number) => fc.integer({ min: 0, max })

/**
 * Small problems: three images of one or two layers, of which the first may be shared, on up to four nodes, on some of
 * which one other layer does as well. */
export const problemArbitrary: fc.Arbitrary<PlacementProblem> = fc
  .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 4 }))
  .chain(([images, nodes]) => {
    const rowOf = (value: fc.Arbitrary<number>) => fc.array(value, { minLength: nodes, maxLength: nodes })
    return fc.record({
      vms: fc.array(small(3), { minLength: images, maxLength: images }),
      chains: fc.array(fc.constantFrom([0], [1], [2], [0, 1], [0, 2], [3, 1]), {
        minLength: images,
        maxLength: images,
      }),
      others: fc.array(fc.option(fc.record({ layers: fc.constant([3]), where: rowOf(small(1)) }), { nil: undefined }), {
        minLength: images,
        maxLength: images,
      }),
      costs: fc.array(rowOf(fc.oneof(fc.constant(0), small(20))), { minLength: 4, maxLength: 4 }),
      slots: rowOf(small(4)),
      loads: rowOf(small(3)),
      spreadCost: fc.constantFrom(0, 1, 4),
      waitShare: fc.constantFrom(0, 0.5),
    })
  })
  .map(({ others, costs, slots, loads, ...rest }) => ({
    ...rest,
    others: others.map((other) => other && { ...other, where: Uint8Array.from(other.where) }),
    costs: costs.map((row) => Float64Array.from(row)),
    slots: Int32Array.from(slots),
    loads: Float64Array.from(loads),
  }))
