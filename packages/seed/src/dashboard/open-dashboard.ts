import { randomBytes } from 'node:crypto'
import type { PlanSummary, SeedStatus } from '@shoal/api'
import type { Clock, Logger } from '@shoal/core'
import type { EventJournal } from '../events/event-journal.ts'
import type { FleetFacts, Suspect } from '../health/fleet-facts.ts'
import { type LayerViewDeps, viewLayers } from '../layer-view.ts'
import type { Assignments } from '../nodes/assignments.ts'
import type { NodeRegistry } from '../nodes/node-registry.ts'
import type { PushChannels } from '../nodes/push-channels.ts'
import { ArrivalLog } from './arrival-log.ts'
import { DashboardFeed } from './dashboard-feed.ts'
import { FleetPictures } from './fleet-picture.ts'
import { FleetSurvey } from './fleet-survey.ts'
import { type ImageViewsDeps, imageViews } from './image-views.ts'
import { RecentEvents } from './recent-events.ts'
import { TrafficLog } from './traffic-log.ts'

export interface DashboardDeps extends LayerViewDeps, ImageViewsDeps {
  readonly assignments: Assignments
  readonly catalogue: LayerViewDeps['catalogue']
  readonly registry: NodeRegistry
  readonly channels: PushChannels
  readonly journal: EventJournal
  readonly plans: { list(): PlanSummary[] }
  readonly status: () => SeedStatus
  readonly suspects: { list(): readonly Suspect[] }
  readonly floods: { list(): FleetFacts['floods'] }
  readonly clock: Clock
  readonly logger: Logger
}

/** Plans that are over are shown as far as they are among the newest; the API lists all. */
const MAX_PLANS = 200

export interface Dashboard {
  readonly survey: FleetSurvey
  readonly pictures: FleetPictures
  readonly feed: DashboardFeed
  readonly traffic: TrafficLog
  readonly arrivals: ArrivalLog
}

/** Builds what watches the fleet for dashboards. Nothing runs before somebody looks. */
export function openDashboard(deps: DashboardDeps): Dashboard {
  const { registry, channels, journal, plans, status, catalogue, clock, logger } = deps
  const survey = new FleetSurvey({ registry, channels, assignments: deps.assignments })
  const events = new RecentEvents(journal)
  const isOpen = ({ state }: PlanSummary) => state === 'running' || state === 'planned' || state === 'paused'
  const pictures = new FleetPictures({
    ...{ survey, events, status, clock },
    suspects: () => deps.suspects.list(),
    floods: () => deps.floods.list(),
    plans: { list: () => plans.list().filter((plan, index) => index < MAX_PLANS || isOpen(plan)) },
    layers: () => viewLayers(catalogue.layers(), deps),
    images: imageViews(deps),
  })
  const traffic = new TrafficLog({
    libraryRate: () => status().library.rateBytesPerSecond,
    seedRate: () => status().swarm.upBytesPerSecond,
    swarmRate: () => registry.totalRate(),
    clock,
  })
  const feed = new DashboardFeed(
    { pictures, events, traffic, clock, logger },
    { epoch: randomBytes(6).toString('hex') },
  )
  return { survey, pictures, feed, traffic, arrivals: new ArrivalLog({ registry }) }
}
