import type { Demand, DemandTarget, FleetNode, PlanLayer, PlannerInput } from '@shoal/planner'
import fc from 'fast-check'
import { digest, layer, MB, NOW_MS, node } from './build-input.ts'

const BASES = 3
const MIDDLES = 4
const RACKS = ['r0', 'r1', undefined]

const layers = fc.tuple(
  ...Array.from({ length: BASES + MIDDLES }, (_, number) =>
    fc.record({ sizeMb: fc.integer({ min: 1, max: 50 }), bootMb: fc.integer({ min: 0, max: 60 }) }).map(
      ({ sizeMb, bootMb }): PlanLayer =>
        layer(number, {
          sizeBytes: sizeMb * MB,
          bootBytes: bootMb * MB,
          ...(number < BASES ? {} : { parent: digest(number % BASES) }),
        }),
    ),
  ),
)

const rate = fc.integer({ min: 1, max: 20 }).map((mb) => mb * MB)

function nodeArbitrary(name: string): fc.Arbitrary<FleetNode> {
  return fc
    .record({
      rack: fc.constantFrom(...RACKS),
      zone: fc.constantFrom('z0', 'z1'),
      upBytesPerSecond: rate,
      downBytesPerSecond: rate,
      freeCacheBytes: fc.integer({ min: 0, max: 200 }).map((mb) => mb * MB),
      isAlive: fc.boolean().chain((maybe) => (maybe ? fc.constant(true) : fc.boolean())),
      load: fc.nat(5),
      holds: fc.uniqueArray(
        fc.record({
          layer: fc.nat(BASES + MIDDLES + 1).map(digest),
          heldBytes: fc.integer({ min: 0, max: 50 }).map((mb) => mb * MB),
          isPinned: fc.boolean(),
        }),
        { selector: (held) => held.layer, maxLength: 4 },
      ),
    })
    .map((rest) => node(name, rest))
}

const target: fc.Arbitrary<DemandTarget> = fc.oneof(
  fc.record({
    kind: fc.constant('nodes' as const),
    nodes: fc.uniqueArray(
      fc.nat(12).map((number) => `n${number}`),
      { maxLength: 8 },
    ),
  }),
  fc.record({
    kind: fc.constant('within' as const),
    filter: fc.record({ zone: fc.constantFrom('z0', 'z1', undefined) }),
  }),
  fc.record({
    kind: fc.constant('vms' as const),
    vms: fc.integer({ min: 1, max: 30 }),
    vmsPerNode: fc.integer({ min: 1, max: 5 }),
    filter: fc.record({ rack: fc.constantFrom('r0', undefined) }),
  }),
)

const soon = (from: number, to: number) =>
  fc.option(
    fc.integer({ min: from, max: to }).map((seconds) => NOW_MS + seconds * 1000),
    { nil: undefined },
  )

export function demandArbitrary(id: string): fc.Arbitrary<Demand> {
  return fc.record({
    id: fc.constant(id),
    chain: fc
      .nat(BASES + MIDDLES - 1)
      .map((last) => (last < BASES ? [digest(last)] : [digest(last % BASES), digest(last)])),
    target,
    priority: fc.constantFrom(10, 50, 90),
    notBeforeMs: soon(-5, 20),
    deadlineMs: soon(1, 60),
    pinnedUntilMs: soon(100, 200),
  })
}

const limit = fc.option(rate, { nil: undefined })

/** Small fleets in which everything that may stand in the way does. */
export const inputArbitrary: fc.Arbitrary<PlannerInput> = fc
  .record({
    layers,
    nodes: fc.integer({ min: 1, max: 12 }).chain((count) => {
      return fc.tuple(...Array.from({ length: count }, (_, index) => nodeArbitrary(`n${index}`)))
    }),
    demands: fc.integer({ min: 0, max: 5 }).chain((count) => {
      return fc.tuple(...Array.from({ length: count }, (_, index) => demandArbitrary(`d${index}`)))
    }),
    seed: fc.record({
      upBytesPerSecond: rate,
      libraryBytesPerSecond: fc.oneof(rate, fc.constant(Number.POSITIVE_INFINITY)),
      holds: fc.uniqueArray(
        fc.record({ layer: fc.nat(BASES + MIDDLES - 1).map(digest), heldBytes: fc.constantFrom(MB, 100 * MB) }),
        { selector: (held) => held.layer },
      ),
    }),
    uplinks: fc.tuple(rate, rate),
    limits: fc.record({
      libraryBytesPerSecond: limit,
      seedUpBytesPerSecond: limit,
      rackUplinkBytesPerSecond: limit,
      nodeUpBytesPerSecond: limit,
      nodeDownBytesPerSecond: limit,
      planBytesPerSecond: limit,
    }),
  })
  .map(({ nodes, seed, uplinks: [inBytesPerSecond, outBytesPerSecond], ...rest }) => ({
    ...rest,
    nowMs: NOW_MS,
    fleet: { nodes, seed, racks: [{ rack: 'r0', inBytesPerSecond, outBytesPerSecond }] },
  }))
