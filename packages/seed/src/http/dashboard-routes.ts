import { type LayerSpread, type Node, operations } from '@shoal/api'
import type { Clock } from '@shoal/core'
import { type HttpApp, registerOperation } from '@shoal/service'
import type { ArrivalLog } from '../dashboard/arrival-log.ts'
import type { DashboardFeed } from '../dashboard/dashboard-feed.ts'
import type { FleetPictures } from '../dashboard/fleet-picture.ts'
import { layerSpread } from '../dashboard/layer-spread.ts'
import { seedError } from '../errors.ts'

export interface DashboardRoutesDeps {
  readonly pictures: FleetPictures
  readonly feed: DashboardFeed
  readonly arrivals: ArrivalLog
  readonly registry: { list(): Node[] }
  readonly clock: Clock
}

/** A layer's spread holds for so long: many who look cost as much as one. */
const SPREAD_HOLDS_MS = 1000
const MAX_SPREADS = 50

export function addDashboardRoutes(
  app: HttpApp,
  { pictures, feed, arrivals, registry, clock }: DashboardRoutesDeps,
): void {
  const spreads = new Map<string, { at: number; spread: LayerSpread }>()
  registerOperation(app, operations.overview, async () => (await pictures.take()).overview)
  registerOperation(app, operations.streamDashboard, ({ lastEventId, signal }) =>
    feed.subscribe({ lastEventId, signal }),
  )
  registerOperation(app, operations.listArrivals, ({ query }) => arrivals.show(query))
  registerOperation(app, operations.showSpread, async ({ params }) => {
    const known = spreads.get(params.layer)
    const now = clock.now()
    if (known !== undefined && now - known.at < SPREAD_HOLDS_MS) return known.spread
    const layer = (await pictures.take()).layers.find(({ digest }) => digest === params.layer)
    if (layer === undefined) throw seedError('SHOAL_LAYER_UNKNOWN', { layer: params.layer })
    const spread = layerSpread(layer, registry.list())
    spreads.delete(params.layer)
    spreads.set(params.layer, { at: now, spread })
    const [oldest] = spreads.keys()
    if (spreads.size > MAX_SPREADS && oldest !== undefined) spreads.delete(oldest)
    return spread
  })
}
