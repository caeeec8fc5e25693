import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPlan, DEFAULT_START_UP_MS, type FluidBound, type PlanLimits, simulate } from '@shoal/planner'
import fc from 'fast-check'
import { fleet, input, layer, MB, nodes } from './build-input.ts'

const SIZE_BYTES = 100 * MB
const IDEAL = { efficiency: 1, startUpMs: 0 }

/** Fleets whose links all carry at least 10 MB/s, in one rack. */
const fleetArbitrary = fc.record({ count: fc.integer({ min: 2, max: 20 }), linkMb: fc.integer({ min: 10, max: 30 }) })
/** Less than any link. */
const limitArbitrary = fc.integer({ min: 100, max: 5000 }).map((kb) => kb * 1000)

/** What each limit makes the bound when it is what binds. */
const BINDING: readonly {
  readonly limit: keyof PlanLimits
  readonly limitedBy: FluidBound['limitedBy']
  readonly seconds: (rate: number, fleet: { count: number; linkMb: number }) => number
}[] = [
  { limit: 'seedUpBytesPerSecond', limitedBy: 'seed', seconds: (rate) => SIZE_BYTES / rate },
  { limit: 'nodeDownBytesPerSecond', limitedBy: 'node', seconds: (rate) => SIZE_BYTES / rate },
  { limit: 'rackUplinkBytesPerSecond', limitedBy: 'uplink', seconds: (rate) => SIZE_BYTES / rate },
  { limit: 'planBytesPerSecond', limitedBy: 'plan', seconds: (rate, { count }) => (count * SIZE_BYTES) / rate },
]

function inputOf({ count, linkMb }: { count: number; linkMb: number }, limits: PlanLimits) {
  const layers = [layer(1, { sizeBytes: SIZE_BYTES })]
  const link = linkMb * MB
  const some = nodes(count, { upBytesPerSecond: link, downBytesPerSecond: link, rack: 'r' })
  const seed = { ...fleet(layers).seed, upBytesPerSecond: link }
  const racks = [{ rack: 'r', inBytesPerSecond: link, outBytesPerSecond: link }]
  return input({ layers, limits, fleet: fleet(layers, { nodes: some, seed, racks }) })
}

function near(actual: number, expected: number): void {
  assert.ok(Math.abs(actual / expected - 1) < 0.01, `${actual} is not near ${expected}`)
}

for (const { limit, limitedBy, seconds } of BINDING) {
  test(`${limit}, where it binds, is the bound and is kept and used in full`, () => {
    fc.assert(
      fc.property(fleetArbitrary, limitArbitrary, (some, rate) => {
        const one = inputOf(some, { [limit]: rate })
        const expected = seconds(rate, some)
        const plan = createPlan(one, IDEAL)
        assert.equal(plan.fluidBound.limitedBy, limitedBy)
        near(plan.fluidBound.seconds, expected)
        const secondsOf = (finishMs = Number.NaN) => (finishMs - one.nowMs) / 1000
        near(secondsOf(plan.predicted.finishMs), expected)
        near(secondsOf(simulate(one, plan, {}, IDEAL).finishMs), expected)
        // A limit is of payload, so that what links lose does not count.
        near(secondsOf(createPlan(one).predicted.finishMs), expected + DEFAULT_START_UP_MS / 1000)
      }),
      { numRuns: 50 },
    )
  })
}

test('nodeUpBytesPerSecond, where it binds, leaves the seed to send the rest', () => {
  fc.assert(
    fc.property(fleetArbitrary, limitArbitrary, ({ count, linkMb }, rate) => {
      const one = inputOf({ count, linkMb }, { nodeUpBytesPerSecond: rate })
      // The rack's uplink is as fast as the seed, so that it is not what is short.
      const expected = Math.max(SIZE_BYTES / (linkMb * MB), (count * SIZE_BYTES) / (linkMb * MB + count * rate))
      near(((createPlan(one, IDEAL).predicted.finishMs ?? Number.NaN) - one.nowMs) / 1000, expected)
    }),
    { numRuns: 50 },
  )
})

test('libraryBytesPerSecond, where it binds, is spent before the first byte moves to a node', () => {
  fc.assert(
    fc.property(fleetArbitrary, limitArbitrary, (some, rate) => {
      const one = inputOf(some, { libraryBytesPerSecond: rate })
      const seed = { ...one.fleet.seed, holds: [] }
      const plan = createPlan({ ...one, fleet: { ...one.fleet, seed } }, IDEAL)
      assert.deepEqual(plan.fluidBound.limitedBy, 'library')
      const expected = SIZE_BYTES / rate + SIZE_BYTES / (some.linkMb * MB)
      near(((plan.predicted.finishMs ?? Number.NaN) - one.nowMs) / 1000, expected)
    }),
    { numRuns: 50 },
  )
})
