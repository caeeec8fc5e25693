import type { EventType, Image, PlanSummary, SeedStatus } from '@shoal/api'
import type { FleetFacts, Suspect } from '../health/fleet-facts.ts'
import type { Survey } from './fleet-survey.ts'

/** What the rules of health look at, out of what a picture is made of. */
export function fleetFacts(
  parts: {
    readonly seen: Survey
    readonly status: SeedStatus
    readonly plans: readonly PlanSummary[]
    readonly images: readonly Image[]
  },
  moment: {
    readonly now: number
    readonly stillMs: (plan: string) => number
    readonly recent: Partial<Record<EventType, number>>
    readonly badSignatures: number
    readonly suspects: readonly Suspect[]
    readonly floods: FleetFacts['floods']
  },
): FleetFacts {
  const { seen, status, plans, images } = parts
  const { library, nodes } = status
  const failed = images.filter((image) => image.import?.state === 'failed' && image.layer === null && isThere(image))
  return {
    library: {
      reachable: library.reachable,
      rateBytesPerSecond: library.rateBytesPerSecond,
      limitBytesPerSecond: library.limitBytesPerSecond,
      importing: status.images.importing,
    },
    failedImages: failed.map(({ id, name, import: past }) => {
      return { id, name: name ?? id, message: past?.error?.message ?? 'The reason is not known.' }
    }),
    nodes: {
      total: nodes.ready + nodes.unreachable + nodes.lost + nodes.away,
      ready: nodes.ready,
      fetching: seen.sums.fetching,
      troubled: seen.troubled,
      full: seen.sums.full,
      draining: seen.modes.draining,
      quarantined: seen.modes.quarantined,
      suspects: moment.suspects,
    },
    traffic: {
      downBytesPerSecond: seen.sums.downBytesPerSecond,
      seedUpBytesPerSecond: status.swarm.upBytesPerSecond,
    },
    plans: plans.flatMap((plan) => {
      const { id, name, state, progress } = plan
      if (id === null) return []
      return [{ id, name, state, isLate: isLate(plan, moment.now), nodes: progress.nodes, stillMs: moment.stillMs(id) }]
    }),
    boots: {
      serving: seen.boots.filter(({ state }) => state === 'ready').length,
      failed: seen.boots.filter(({ state }) => state === 'failed').length,
    },
    recent: moment.recent,
    badSignatures: moment.badSignatures,
    floods: moment.floods,
  }
}

/** Whether a plan under way has missed its deadline, or will at its present rate. */
export function isLate({ deadline, progress }: PlanSummary, now: number): boolean {
  if (deadline === null) return false
  const estimated = progress.estimatedFinishAt === null ? now : Date.parse(progress.estimatedFinishAt)
  return Math.max(now, estimated) > Date.parse(deadline)
}

function isThere({ status }: Image): boolean {
  return status !== 'deleted'
}
