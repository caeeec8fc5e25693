import type { FleetFacts, PlanFacts } from '../../src/health/fleet-facts.ts'
import type { NodeFacts } from '../../src/health/node-trouble.ts'

/** A fleet of a hundred nodes to which nothing has happened. */
export function facts(changes: Partial<FleetFacts> = {}): FleetFacts {
  return {
    library: { reachable: true, rateBytesPerSecond: 0, limitBytesPerSecond: null, importing: 0 },
    failedImages: [],
    nodes: { total: 100, ready: 100, fetching: 0, troubled: {}, full: 0, draining: [], quarantined: [], suspects: [] },
    traffic: { downBytesPerSecond: 0, seedUpBytesPerSecond: 0 },
    plans: [],
    boots: { serving: 0, failed: 0 },
    recent: {},
    badSignatures: 0,
    floods: [],
    ...changes,
  }
}

export function planFacts(changes: Partial<PlanFacts> = {}): PlanFacts {
  const nodes = { total: 100, ready: 40, failed: 0, excluded: 0 }
  return { id: 'plan-1', name: 'Monday', state: 'running', isLate: false, nodes, stillMs: 0, ...changes }
}

export const NOW = Date.parse('2026-11-22T08:00:00Z')

/** A node that is well and lacks nothing. */
export function nodeFacts(changes: Partial<NodeFacts> = {}): NodeFacts {
  return {
    ...{ state: 'ready', lastSeenAt: '2026-11-22T07:59:58.000Z', reachability: 'The seed can connect.' },
    ...{ layers: [], downBytesPerSecond: 0, usedBytes: 10, capacityBytes: 100 },
    ...{ brokenSince: undefined, stillSince: undefined, mode: 'active', isDrained: false },
    ...changes,
  }
}
