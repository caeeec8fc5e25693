/** What decides how soon a peer is asked to announce again. */
export interface AnnounceSituation {
  readonly isComplete: boolean
  /** How many neighbours the peer has. */
  readonly neighbours: number
  /** Peers of its swarm, and how many of them came in the last seconds. */
  readonly swarmPeers: number
  readonly recentJoins: number
  /** Peers of all swarms. */
  readonly allPeers: number
  /** How long the tracker runs: at first its table is empty, and the first to ask get few peers. */
  readonly uptimeMs: number
  /** Interval at rest. */
  readonly restMs: number
  /** From 0 up to 1. */
  readonly random: number
}

const BURST_MS = 5000
const WARM_UP_MS = 30_000
/** An incomplete peer with fewer neighbours asks again soon. */
const FEW_NEIGHBOURS = 8
/** So many joins are a burst, or one for each hundred peers. */
const BURST_JOINS = 3
const BURST_SHARE = 0.01
/** Announces a second that the tracker is ready to answer in all. A Shoal daemon sends each over HTTP and over UDP. */
const MAX_ANNOUNCES_PER_SECOND = 500
const ANNOUNCES_PER_INTERVAL = 2
const MAX_SCALED_MS = 10 * 60 * 1000
/** Intervals differ by so much each way, so that those who came together do not come back together. */
const SPREAD = 0.2

/**
 * Seconds until a peer's next announce: few while many join, while it has few neighbours and after a restart of the tracker; many at
 * rest; never so few that all peers together announce more often than the tracker bears.
 */
export function announceInterval(situation: AnnounceSituation): number {
  const { isComplete, neighbours, swarmPeers, recentJoins, allPeers, uptimeMs, restMs, random } = situation
  const isBurst = recentJoins >= Math.max(BURST_JOINS, swarmPeers * BURST_SHARE)
  const isSoon = uptimeMs < WARM_UP_MS || (!isComplete && (isBurst || neighbours < FEW_NEIGHBOURS))
  const wantedMs = isSoon ? Math.min(BURST_MS, restMs) : restMs
  const leastMs = ((allPeers * ANNOUNCES_PER_INTERVAL) / MAX_ANNOUNCES_PER_SECOND) * 1000
  const intervalMs = Math.max(wantedMs, Math.min(leastMs, MAX_SCALED_MS))
  return Math.max(1, Math.round((intervalMs / 1000) * (1 + SPREAD * (2 * random - 1))))
}
