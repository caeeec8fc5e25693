import { test } from 'node:test'
import fc from 'fast-check'
import { POLICY_NAMES } from '../src/policies.ts'
import { MIB } from './cache-fixture.ts'
import { CacheModel, LAYERS } from './cache-model.ts'

const HOUR_MS = 3_600_000

type Step = (model: CacheModel) => void | Promise<void>

const layer = fc.nat(LAYERS - 1)
const part = fc.double({ min: 0, max: 1, noNaN: true })

const step: fc.Arbitrary<[string, Step]> = fc.oneof(
  {
    weight: 6,
    arbitrary: named('fetch', fc.array(layer, { minLength: 1, maxLength: 3 }), (model, of) => model.fetch(of)),
  },
  { weight: 5, arbitrary: named('arrive all', fc.constant(null), (model) => model.arriveAll()) },
  { weight: 3, arbitrary: named('arrive', part, (model, of) => model.arrive(of)) },
  { weight: 1, arbitrary: named('fail', fc.boolean(), (model, of) => model.fail(of)) },
  { weight: 3, arbitrary: named('use', layer, (model, of) => model.use(of)) },
  {
    weight: 2,
    arbitrary: named('pin', fc.tuple(layer, fc.option(fc.nat(2 * HOUR_MS))), (model, of) => model.pin(...of)),
  },
  { weight: 1, arbitrary: named('unpin', layer, (model, of) => model.unpin(of)) },
  { weight: 2, arbitrary: named('open', fc.tuple(layer, fc.boolean()), (model, of) => model.open(...of)) },
  { weight: 1, arbitrary: named('evict', layer, (model, of) => model.evict(of)) },
  { weight: 1, arbitrary: named('evict bytes', fc.nat(300 * MIB), (model, of) => model.evictBytes(of)) },
  { weight: 1, arbitrary: named('fill', part, (model, of) => model.fill(of)) },
  { weight: 2, arbitrary: named('relieve', fc.constant(null), (model) => model.relieve()) },
  { weight: 1, arbitrary: named('wait', fc.nat(30 * HOUR_MS), (model, of) => model.wait(of)) },
  { weight: 1, arbitrary: named('policy', fc.constantFrom(...POLICY_NAMES), (model, of) => model.setPolicy(of)) },
  { weight: 1, arbitrary: named('crash', fc.boolean(), (model, of) => model.crash(of)) },
)

/** A step with its name and what it was given, for whoever reads a counterexample. */
function named<T>(
  name: string,
  values: fc.Arbitrary<T>,
  run: (model: CacheModel, value: T) => void | Promise<void>,
): fc.Arbitrary<[string, Step]> {
  return values.map((value) => [`${name} ${JSON.stringify(value)}`, (model) => run(model, value)])
}

test('whatever happens: limit, pins, bases and accounts hold', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80, size: 'max' }), async (steps) => {
      const model = new CacheModel()
      for (const [, run] of steps) {
        await run(model)
        await model.check()
      }
    }),
    { numRuns: 300 },
  )
})
