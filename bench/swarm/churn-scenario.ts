import type { SwarmPeerSetup, SwarmSetup } from './swarm-setup.ts'

export const CHURN_SCENARIOS = ['slow', 'corrupt', 'silent', 'killed', 'frozen'] as const
export type ChurnScenario = (typeof CHURN_SCENARIOS)[number]

const SLOW_SHARE = 0.1
const KILLED_SHARE = 1 / 3

/** Who is in a scenario. Everybody has a host of the lab from the start. */
export interface ChurnRoles {
  /** Those who begin and stay. */
  readonly stayers: readonly SwarmPeerSetup[]
  /** The one who begins with them and is slow, or pretends to have everything. */
  readonly odd: readonly SwarmPeerSetup[]
  /** Those who begin and are killed, or stopped, in the middle. */
  readonly lost: readonly SwarmPeerSetup[]
  /** Those who begin when the others are lost. */
  readonly late: readonly SwarmPeerSetup[]
}

export function churnRoles(
  scenario: ChurnScenario,
  { nodes, bytesPerSecond }: { nodes: number; bytesPerSecond: number },
): ChurnRoles {
  const peers = (name: string, count: number, rate = bytesPerSecond) =>
    Array.from({ length: count }, (_, index) => ({ node: `${name}${index}`, bytesPerSecond: rate, rack: undefined }))
  const none = { odd: [], lost: [], late: [] }
  switch (scenario) {
    case 'slow':
      return { ...none, stayers: peers('stayer', nodes), odd: peers('odd', 1, bytesPerSecond * SLOW_SHARE) }
    case 'corrupt':
    case 'silent':
      return { ...none, stayers: peers('stayer', nodes), odd: peers('odd', 1) }
    case 'killed': {
      const count = Math.round(nodes * KILLED_SHARE)
      return {
        ...none,
        stayers: peers('stayer', nodes - count),
        lost: peers('lost', count),
        late: peers('late', count),
      }
    }
    case 'frozen':
      return { ...none, stayers: peers('stayer', nodes - 1), lost: peers('lost', 1) }
  }
}

/** Whether an engine can be put through it: only ours has peers that lie. */
export function canSuffer(engine: string, scenario: ChurnScenario): boolean {
  return engine === 'shoal' || !(scenario === 'corrupt' || scenario === 'silent')
}

/** All links of one rate but that of a slow one; no racks. */
export function churnSetup(roles: ChurnRoles, options: { sizeBytes: number; bytesPerSecond: number }): SwarmSetup {
  return {
    case: 'flat',
    sizeBytes: options.sizeBytes,
    seedBytesPerSecond: options.bytesPerSecond,
    uplinkBytesPerSecond: undefined,
    peers: [...roles.stayers, ...roles.odd, ...roles.lost, ...roles.late],
  }
}
