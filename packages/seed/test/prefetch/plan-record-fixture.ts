import type { PlanRecord } from '../../src/prefetch/plan-record.ts'
import { planTerms } from '../../src/prefetch/plan-request.ts'
import { NOON_MS } from './simulated-fleet.ts'

/** A plan of one image that runs. */
export function buildPlanRecord(change: Partial<PlanRecord> = {}): PlanRecord {
  const bytes = { libraryToSeed: 0, seedToNode: 0, inRack: 0, crossRack: 0 }
  const prediction = { finishAt: null, seconds: null, fluidBoundSeconds: 0, limitedBy: 'nothing', bytes }
  return {
    ...planTerms({}, NOON_MS),
    ...{
      id: 'plan-1',
      kind: 'prefetch',
      name: 'plan',
      source: 'api',
      idempotencyKey: null,
      requestHash: '',
      state: 'running',
    },
    ...{ images: [{ image: 'image', all: true }], error: null, startedAt: null, finishedAt: null, isLate: false },
    ...{ isHeld: false, finalProgress: null, chains: {}, failures: {}, imports: [], simulation: null, prediction },
    ...{ waves: [], placements: [], evictions: [], unmet: [], createdAt: new Date(NOON_MS).toISOString() },
    ...change,
  }
}
