import type { BootRow, Event, Image, Layer, NodeRow, Overview, PlanSummary, SeedStatus } from '@shoal/api'
import type { Clock } from '@shoal/core'
import type { FleetFacts, Suspect } from '../health/fleet-facts.ts'
import { judgeHealth } from '../health/judge-health.ts'
import { ProgressWatch } from '../health/progress-watch.ts'
import { fleetFacts, isLate } from './facts-of-picture.ts'
import type { FleetSurvey, Survey } from './fleet-survey.ts'
import type { RecentEvents } from './recent-events.ts'

export interface FleetPictureDeps {
  readonly survey: FleetSurvey
  readonly events: RecentEvents
  readonly plans: { list(): PlanSummary[] }
  readonly layers: () => Layer[]
  readonly images: () => Image[]
  readonly status: () => SeedStatus
  /** Nodes that many others got bad blocks from. */
  readonly suspects: () => readonly Suspect[]
  /** What the seed's bounds turn away. */
  readonly floods: () => FleetFacts['floods']
  readonly clock: Clock
}

/** Everything that a dashboard shows, at one moment. */
export interface Picture {
  readonly at: number
  readonly overview: Overview
  readonly nodes: readonly NodeRow[]
  readonly boots: readonly BootRow[]
  readonly plans: readonly PlanSummary[]
  readonly layers: readonly Layer[]
  readonly images: readonly Image[]
}

/** A picture holds for so long; who asks sooner gets the same one. */
const HOLDS_MS = 500

/** Takes pictures of the whole fleet: one for all who look. */
export class FleetPictures {
  readonly #deps: FleetPictureDeps
  readonly #planProgress = new ProgressWatch()
  #last: Promise<Picture> | undefined
  #lastAt = Number.NEGATIVE_INFINITY
  #fresh: Event[] = []

  constructor(deps: FleetPictureDeps) {
    this.#deps = deps
  }

  take(): Promise<Picture> {
    const now = this.#deps.clock.now()
    if (this.#last !== undefined && Math.abs(now - this.#lastAt) < HOLDS_MS) return this.#last
    this.#lastAt = now
    this.#last = this.#take(now)
    this.#last.catch(() => {
      this.#last = undefined
    })
    return this.#last
  }

  /** Events that have come since this was asked last; for one asker. */
  drainEvents(): Event[] {
    const fresh = this.#fresh
    this.#fresh = []
    return fresh
  }

  async #take(now: number): Promise<Picture> {
    const { survey, events, plans, layers, images, status, suspects, floods } = this.#deps
    this.#fresh = [...this.#fresh, ...(await events.catchUp(now))].slice(-1000)
    const seen = survey.take(now)
    const parts = { seen, status: status(), plans: plans.list(), layers: layers(), images: images() }
    for (const plan of parts.plans) this.#notePlan(plan, now)
    const stillMs = (plan: string) => now - (this.#planProgress.since(plan) ?? now)
    const health = judgeHealth(
      fleetFacts(parts, {
        now,
        stillMs,
        recent: events.counts(),
        badSignatures: events.withCode('SHOAL_MANIFEST_SIGNATURE'),
        suspects: suspects(),
        floods: floods(),
      }),
    )
    return {
      at: now,
      overview: { ...overviewOf(parts, now), health },
      nodes: seen.rows,
      boots: seen.boots,
      plans: parts.plans,
      layers: parts.layers,
      images: parts.images,
    }
  }

  /** A plan that waits for the library, or for its time, is not stuck. */
  #notePlan({ id, state, progress }: PlanSummary, now: number): void {
    if (id === null) return
    const isMoving =
      state === 'running' && progress.nodes.waiting + progress.nodes.fetching > 0 && progress.wantedBytes > 0
    const waits = progress.slowest.some(({ reason }) => reason?.code === 'importing' || reason?.code === 'not-before')
    this.#planProgress.note(id, isMoving && !waits ? progress.presentBytes : undefined, now)
  }
}

interface Parts {
  readonly seen: Survey
  readonly status: SeedStatus
  readonly plans: readonly PlanSummary[]
  readonly layers: readonly Layer[]
}

function overviewOf({ seen, status, plans, layers }: Parts, now: number): Omit<Overview, 'health'> {
  const { library, swarm, images } = status
  const { sums, boots } = seen
  const running = plans.filter(({ state }) => state === 'running')
  const held = layers.filter(({ nodesComplete, nodesPartial }) => nodesComplete + nodesPartial > 0)
  const heldBytes = held.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const sentBytes = held.reduce((sum, { uploadedBytes }) => sum + uploadedBytes, 0)
  const { downBytesPerSecond, upBytesPerSecond } = sums
  const bootsIn = (state: BootRow['state']) => boots.filter((boot) => boot.state === state).length
  return {
    at: new Date(now).toISOString(),
    version: status.version,
    startedAt: status.startedAt,
    library: {
      endpoint: library.endpoint,
      reachable: library.reachable,
      rateBytesPerSecond: library.rateBytesPerSecond,
      limitBytesPerSecond: library.limitBytesPerSecond,
      readBytes: library.readBytes,
      importing: images.importing,
    },
    seed: {
      upBytesPerSecond: swarm.upBytesPerSecond,
      uploadedBytes: swarm.uploadedBytes,
      connections: swarm.connections,
      copies: heldBytes === 0 ? null : sentBytes / heldBytes,
    },
    swarm: {
      ...{ downBytesPerSecond, upBytesPerSecond, fetchingNodes: sums.fetching },
      seedShare: downBytesPerSecond === 0 ? null : Math.min(1, swarm.upBytesPerSecond / downBytesPerSecond),
    },
    nodes: {
      ...status.nodes,
      ...{ draining: status.modes.draining, quarantined: status.modes.quarantined, troubled: sums.troubled },
    },
    cache: { usedBytes: sums.usedBytes, capacityBytes: sums.capacityBytes, fullNodes: sums.full },
    images: { total: images.total, published: images.published, failed: images.failed },
    plans: { running: running.length, late: running.filter((plan) => isLate(plan, now)).length },
    boots: {
      serving: bootsIn('ready'),
      preparing: bootsIn('preparing'),
      failed: bootsIn('failed'),
      stalls: boots.reduce((sum, { reads }) => sum + reads.stalls, 0),
    },
  }
}
