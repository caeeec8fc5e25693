import type { DesiredState, Enrollment, Inventory, NodeRegistration } from '@shoal/api'
import type { Clock, Logger, ShoalError } from '@shoal/core'
import type { NodeCache } from './cache/node-cache.ts'
import type { PeerConfig } from './config.ts'
import { DesiredStateFollower } from './desired-state.ts'
import { EnrollmentKeeper } from './enrollment.ts'
import type { EventQueue } from './event-queue.ts'
import { Heartbeat } from './heartbeat.ts'
import type { PeerSeed } from './peer-seed.ts'

/** What this node and its seed tell each other. */
export interface PeerDialogue {
  readonly enrollment: EnrollmentKeeper
  readonly desired: DesiredStateFollower
  readonly heartbeat: Heartbeat
}

export interface PeerDialogueDeps extends PeerSeed {
  readonly events: EventQueue
  readonly cache: NodeCache
  readonly registration: () => Promise<NodeRegistration>
  readonly inventory: () => Promise<Inventory>
  readonly onEnrolled: (enrollment: Enrollment) => void
  readonly onDesired: (desired: DesiredState) => void
  readonly onRevocations: (revision: number | undefined) => void
  readonly onRefused: (error: ShoalError) => void
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
}

/** Its parts say nothing before they run. */
export function createPeerDialogue(config: PeerConfig, deps: PeerDialogueDeps): PeerDialogue {
  const { node, records, seed, member, trust, events, cache, clock, random, logger } = deps
  const { url: seedUrl, tokenFile } = config.seed
  const shared = { seed, records, clock, random, logger }
  const enrollment = new EnrollmentKeeper(
    { ...shared, trust, apply: deps.onEnrolled, onRefused: deps.onRefused },
    { node, seedUrl, tokenFile, hasCertificate: member !== undefined, registration: deps.registration },
  )
  const onUnknown = () => enrollment.request()
  const desired = new DesiredStateFollower(
    { ...shared, onDesired: deps.onDesired, onUnknown },
    { node, intervalMs: config.reconcile.intervalMs },
  )
  const heartbeat = new Heartbeat(
    {
      ...shared,
      ...{ events, onUnknown, inventory: deps.inventory, onRevocations: deps.onRevocations },
      uses: () => cache.uses.next(),
      onFacts: (facts, told) => cache.setFacts(facts, told),
      onRevision: (revision) => desired.notice(revision),
    },
    { node, intervalMs: () => config.heartbeat.intervalMs ?? enrollment.current?.heartbeatIntervalMs ?? 10_000 },
  )
  return { enrollment, desired, heartbeat }
}
