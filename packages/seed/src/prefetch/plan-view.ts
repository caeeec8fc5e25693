import type { Plan, PlanProgress, PlanSummary } from '@shoal/api'
import type { PlanRecord } from './plan-record.ts'

/** Of a plan of which nothing is known. */
export const NO_PROGRESS: PlanProgress = {
  nodes: { total: 0, waiting: 0, fetching: 0, ready: 0, failed: 0, excluded: 0 },
  wantedBytes: 0,
  presentBytes: 0,
  bytesPerSecond: 0,
  estimatedFinishAt: null,
  slowest: [],
  waves: [],
}

/** A plan as lists show it. A dry run has no name. */
export function toApiSummary(plan: PlanRecord, progress: PlanProgress = NO_PROGRESS, isDryRun = false): PlanSummary {
  const {
    id,
    name,
    kind = 'prefetch',
    state,
    error,
    source,
    createdAt,
    startedAt,
    finishedAt,
    priority,
    weight,
    limits,
  } = plan
  const { notBefore, deadline, expiresAt, pinnedUntil, prediction } = plan
  return {
    id: isDryRun ? null : id,
    name,
    kind,
    state,
    error,
    source,
    createdAt,
    startedAt,
    finishedAt,
    priority,
    weight,
    limits: { ...limits },
    notBefore,
    deadline,
    expiresAt,
    pinnedUntil,
    prediction,
    progress,
  }
}

/** A plan with all that it says. */
export function toApiPlan(plan: PlanRecord, progress?: PlanProgress, isDryRun = false): Plan {
  const { images, waves, placements, evictions, unmet, simulation } = plan
  return {
    ...toApiSummary(plan, progress, isDryRun),
    images: [...images],
    waves: [...waves],
    placements: [...placements],
    evictions: [...evictions],
    unmet: [...unmet],
    simulation,
  }
}
