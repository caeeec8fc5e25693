import type { DashboardFrame, HealthReason, NodeRow, Overview } from '@shoal/api'

const MIB = 1024 ** 2

/** A fleet of three nodes that is well. */
export function buildOverview(overrides: Partial<Overview> = {}): Overview {
  return {
    ...{ at: '2026-01-01T00:00:00.000Z', version: '0.1.0', startedAt: '2026-01-01T00:00:00.000Z' },
    health: { verdict: 'healthy', sentence: 'The swarm is healthy: 3 nodes are ready.', reasons: [] },
    library: {
      ...{ endpoint: 'http://127.0.0.1:9292', reachable: true, rateBytesPerSecond: 8 * MIB },
      ...{ limitBytesPerSecond: 10 * MIB, readBytes: 100 * MIB, importing: 1 },
    },
    seed: { upBytesPerSecond: MIB, uploadedBytes: 50 * MIB, connections: 3, copies: 1.234 },
    swarm: { downBytesPerSecond: 10 * MIB, upBytesPerSecond: 9 * MIB, fetchingNodes: 2, seedShare: 0.1 },
    nodes: { ready: 3, unreachable: 0, lost: 0, away: 0, draining: 0, quarantined: 0, troubled: 0 },
    cache: { usedBytes: 10 * MIB, capacityBytes: 100 * MIB, fullNodes: 0 },
    images: { total: 1, published: 1, failed: 0 },
    plans: { running: 0, late: 0 },
    boots: { serving: 0, preparing: 0, failed: 0, stalls: 0 },
    ...overrides,
  }
}

export function buildReason(message: string, overrides: Partial<HealthReason> = {}): HealthReason {
  return {
    ...{ code: 'nodes-stuck', severity: 'warning', message, subject: { kind: 'nodes', id: null, filter: null } },
    ...overrides,
  }
}

export function buildRow(id: string, overrides: Partial<NodeRow> = {}): NodeRow {
  return {
    ...{ id, zone: 'z1', rack: 'r1', state: 'ready', trouble: null, wantedBytes: 100 * MIB, presentBytes: 100 * MIB },
    ...{ usedBytes: 100 * MIB, capacityBytes: 1000 * MIB, downBytesPerSecond: 0, upBytesPerSecond: 0 },
    ...{ layers: 1, fetching: 0, boots: 0, mode: 'active', modeReason: '', isDrained: false },
    ...overrides,
  }
}

export function buildFrame(nodes: readonly NodeRow[], overrides: Partial<DashboardFrame> = {}): DashboardFrame {
  const none = { set: [], gone: [] }
  return {
    ...{ isWhole: true, overview: buildOverview(), nodes: { set: [...nodes], gone: [] }, plans: none },
    ...{ layers: none, images: none, boots: none, history: [], events: [] },
    ...overrides,
  }
}
