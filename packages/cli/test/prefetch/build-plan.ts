import type { Plan, PlanNode, PlanProgress, PlanSummary, PlanUpdate, PrefetchRule } from '@shoal/api'

export const AT = '2026-01-01T00:00:00.000Z'
export const NOW = Date.parse(AT)
export const GIB = 1024 ** 3
export const MIB = 1024 ** 2

/** A time so many seconds after {@link AT}. */
export function later(seconds: number): string {
  return new Date(NOW + seconds * 1000).toISOString()
}

export function buildPlanNode(node: string, overrides: Partial<PlanNode> = {}): PlanNode {
  return {
    node,
    state: 'fetching',
    wantedBytes: GIB,
    presentBytes: GIB / 4,
    bytesPerSecond: MIB,
    vms: 0,
    predictedFinishAt: later(60),
    estimatedFinishAt: later(300),
    readyAt: null,
    reason: null,
    ...overrides,
  }
}

export function buildProgress(overrides: Partial<PlanProgress> = {}): PlanProgress {
  return {
    nodes: { total: 4, waiting: 1, fetching: 2, ready: 1, failed: 0, excluded: 0 },
    wantedBytes: 4 * GIB,
    presentBytes: 2 * GIB,
    bytesPerSecond: 10 * MIB,
    estimatedFinishAt: later(205),
    slowest: [],
    waves: [],
    ...overrides,
  }
}

/** Of a plan with all of its nodes ready. */
export function buildDone(): PlanProgress {
  const nodes = { total: 4, waiting: 0, fetching: 0, ready: 4, failed: 0, excluded: 0 }
  return buildProgress({ nodes, presentBytes: 4 * GIB, bytesPerSecond: 0, estimatedFinishAt: null })
}

export function buildUpdate(overrides: Partial<PlanUpdate> = {}): PlanUpdate {
  return { state: 'running', error: null, progress: buildProgress(), ...overrides }
}

export function buildPlan(overrides: Partial<Plan> = {}): Plan {
  return {
    id: 'p-1a2b',
    name: 'nightly',
    kind: 'prefetch',
    state: 'running',
    error: null,
    source: 'api',
    createdAt: AT,
    startedAt: AT,
    finishedAt: null,
    priority: 50,
    weight: 10,
    limits: { bytesPerSecond: null, nodeBytesPerSecond: null },
    notBefore: null,
    deadline: null,
    expiresAt: later(7 * 86_400),
    pinnedUntil: later(7 * 86_400),
    prediction: {
      finishAt: later(240),
      seconds: 240,
      fluidBoundSeconds: 200,
      limitedBy: 'seed',
      bytes: { libraryToSeed: GIB, seedToNode: GIB, inRack: 2 * GIB, crossRack: GIB },
    },
    progress: buildProgress(),
    images: [{ image: 'id-1', all: true }],
    waves: [
      { wave: 0, kind: 'boot', layers: ['sha256:aa'], nodes: 4, bytes: 64 * MIB, opensAt: AT, endsAt: later(4) },
      { wave: 1, kind: 'rest', layers: ['sha256:aa'], nodes: 4, bytes: 4 * GIB, opensAt: later(4), endsAt: null },
    ],
    placements: [],
    evictions: [],
    unmet: [],
    simulation: null,
    ...overrides,
  }
}

export function summaryOf(plan: Plan): PlanSummary {
  const { images: _, waves: __, placements: ___, evictions: ____, unmet: _____, simulation: ______, ...summary } = plan
  return summary
}

export function buildRule(overrides: Partial<PrefetchRule> = {}): PrefetchRule {
  return {
    name: 'web',
    enabled: true,
    on: 'new-image',
    images: { name: 'web-*' },
    cron: '0 2 * * *',
    timeZone: 'Europe/Berlin',
    target: { aggregate: 'web' },
    waiting: [],
    nextAt: later(3600),
    lastAt: null,
    lastPlan: null,
    lastError: null,
    plans: 0,
    ...overrides,
  }
}
