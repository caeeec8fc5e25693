import {
  type Assignment,
  type AssignRequest,
  type Event,
  type Image,
  type Inspection,
  type Layer,
  type LayeringRequest,
  type LimitsChange,
  type LimitsScheduleStatus,
  type LimitsStatus,
  type Node,
  type NodeModeRequest,
  type Overview,
  operations,
  type SeedStatus,
} from '@shoal/api'
import { NO_TRANSFER_LIMITS, ShoalError, silentLogger } from '@shoal/core'
import { createHealth, createHttpService, createMetrics, registerOperation } from '@shoal/service'
import { buildOverview } from './top/build-fleet.ts'

export const TOKEN = 'operator-token-of-the-stand-in'

/** What the stand-in seed shows; tests change it while it serves. */
export interface StandInState {
  images: Image[]
  layers: Layer[]
  nodes: Node[]
  assignments: Assignment[]
  events: Event[]
  /** Called with every assignment that is asked for. */
  onAssign: (request: AssignRequest) => void
  /** What inspection found, by image. */
  inspections: Map<string, Inspection>
  /** Called with every mode that is set. */
  onMode: (request: NodeModeRequest) => void
  /** Called with every import that is asked for. */
  onImport: (image: Image) => void
  /** Called with every making of layers that is asked for. */
  onLayers: (image: Image, request: LayeringRequest) => void
  badBlocks: number[]
  limits: LimitsStatus
  overview: Overview
  /** Called with every change of limits that is asked for. */
  onLimits: (change: LimitsChange) => void
  /** What is set is shown; which window holds is left as it is. */
  schedule: LimitsScheduleStatus
}

/** The seed's HTTP API over what a test says, so that the command line meets real sockets, tokens and errors. */
export async function startStandInSeed(state: Partial<StandInState> = {}) {
  const held: StandInState = {
    images: [],
    layers: [],
    nodes: [],
    assignments: [],
    events: [],
    inspections: new Map(),
    onAssign: () => {},
    onMode: () => {},
    onImport: () => {},
    onLayers: () => {},
    badBlocks: [],
    limits: { scheduled: null, nextChangeAt: null, configured: NO_LIMITS, set: {}, effective: NO_LIMITS },
    onLimits: () => {},
    overview: buildOverview(),
    schedule: { windows: [], active: null, nextChangeAt: null },
    ...state,
  }
  const metrics = createMetrics({ process: false })
  const service = await createHttpService(
    { logger: silentLogger, metrics, health: createHealth() },
    {
      name: 'stand-in',
      version: '0',
      host: '127.0.0.1',
      port: 0,
      tokens: { operator: TOKEN },
      openapi: { title: 'stand-in', description: '' },
      statusByCode: { SHOAL_IMAGE_UNKNOWN: 404, SHOAL_LAYER_UNKNOWN: 404, SHOAL_NODE_UNKNOWN: 404 },
    },
  )
  const { app } = service
  const unknown = (what: string) =>
    new ShoalError(`SHOAL_${what}_UNKNOWN`, `There is no such ${what}.`, { hint: 'List them.' })
  const image = (id: string) => {
    const found = held.images.find((one) => one.id === id)
    if (found === undefined) throw unknown('IMAGE')
    return found
  }
  const layer = (digest: string) => {
    const found = held.layers.find((one) => one.digest === digest)
    if (found === undefined) throw unknown('LAYER')
    return found
  }
  registerOperation(app, operations.listImages, async ({ query }) => page(held.images, 'images', query))
  registerOperation(app, operations.showImage, async ({ params }) => image(params.image))
  registerOperation(app, operations.showInspection, async ({ params }) => {
    const found = held.inspections.get(image(params.image).id)
    if (found === undefined)
      throw new ShoalError('SHOAL_IMAGE_NOT_INSPECTED', 'Never inspected.', { hint: 'Import it.' })
    return found
  })
  registerOperation(app, operations.importImage, async ({ params }) => {
    held.onImport(image(params.image))
    return image(params.image)
  })
  registerOperation(app, operations.publishLayers, async ({ params, body }) => {
    held.onLayers(image(params.image), body)
    return image(params.image)
  })
  registerOperation(app, operations.listLayers, async ({ query }) => page(held.layers, 'layers', query))
  registerOperation(app, operations.showLayer, async ({ params }) => layer(params.layer))
  registerOperation(app, operations.verifyLayer, async ({ params }) => ({
    layer: layer(params.layer).digest,
    checkedBlocks: 4,
    badBlocks: held.badBlocks,
    digestMatches: held.badBlocks.length === 0,
  }))
  registerOperation(app, operations.listNodes, async ({ query }) => page(held.nodes, 'nodes', query))
  registerOperation(app, operations.assign, async ({ body }) => {
    held.onAssign(body)
    const names = held.nodes.map(({ id }) => id)
    const wanted =
      body.nodes ?? held.nodes.filter(({ zone }) => body.zone === undefined || zone === body.zone).map(({ id }) => id)
    return {
      assigned: wanted.filter((name) => names.includes(name)),
      unknown: wanted.filter((name) => !names.includes(name)),
    }
  })
  registerOperation(app, operations.listAssignments, async ({ query }) =>
    page(
      held.assignments.filter(({ layer }) => layer === query.layer),
      'assignments',
      query,
    ),
  )
  registerOperation(app, operations.listEvents, async ({ query }) => ({
    events: held.events.filter(({ id }) => id > (query.after ?? 0)),
  }))
  registerOperation(app, operations.showNode, async ({ params }) => {
    const found = held.nodes.find(({ id }) => id === params.node)
    if (found === undefined) throw unknown('NODE')
    return found
  })
  registerOperation(app, operations.setNodeMode, async ({ params, body }) => {
    const found = held.nodes.find(({ id }) => id === params.node)
    if (found === undefined) throw unknown('NODE')
    held.onMode(body)
    const { mode, reason = '' } = body
    found.mode = { mode, reason, by: 'token:operator', since: '2026-01-01T00:00:00.000Z', isDrained: false }
    return found.mode
  })
  registerOperation(app, operations.showLimits, async () => held.limits)
  registerOperation(app, operations.setLimits, async ({ body }) => {
    held.onLimits(body)
    return held.limits
  })
  registerOperation(app, operations.showLimitsSchedule, async () => held.schedule)
  registerOperation(app, operations.setLimitsSchedule, async ({ body }) => {
    held.schedule = { ...held.schedule, windows: body.windows }
    return held.schedule
  })
  registerOperation(app, operations.status, async () => seedStatus)
  registerOperation(app, operations.overview, async () => held.overview)
  const url = await service.start()
  return { url, state: held, [Symbol.asyncDispose]: () => service.stop() }
}

const NO_LIMITS = {
  libraryBytesPerSecond: null,
  seedUpBytesPerSecond: null,
  rackUplinkBytesPerSecond: null,
  node: NO_TRANSFER_LIMITS,
}

/** A page of a list; `after` is an index here. */
function page<K extends string, T>(all: readonly T[], key: K, query: { after?: string; limit?: number }) {
  const begin = Number(query.after ?? 0)
  const end = begin + Math.min(query.limit ?? 100, 2)
  return { [key]: all.slice(begin, end), next: end < all.length ? String(end) : null } as Record<K, T[]> & {
    next: string | null
  }
}

export const seedStatus: SeedStatus = {
  version: '0.1.0',
  startedAt: '2026-01-01T00:00:00.000Z',
  publicKey: 'key',
  library: {
    endpoint: 'http://127.0.0.1:9292',
    reachable: true,
    limitBytesPerSecond: null,
    readBytes: 1024,
    requests: 1,
    rateBytesPerSecond: 0,
  },
  swarm: { address: '127.0.0.1:7461', uploadedBytes: 0, upBytesPerSecond: 0, connections: 0 },
  tracker: { enabled: true, announceUrls: ['http://127.0.0.1:7462/announce'], peers: 0 },
  dht: { enabled: false, address: null, nodes: 0 },
  images: { total: 1, published: 0, importing: 0, failed: 0 },
  layers: { published: 0, withdrawn: 0 },
  nodes: { ready: 0, unreachable: 0, lost: 0, away: 0 },
  modes: { active: 0, draining: 0, quarantined: 0 },
}
