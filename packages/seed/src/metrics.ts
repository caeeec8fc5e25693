import { HEALTH_CODES, type HealthReason, type NodeMode, type PlanNodeState, type PlanState } from '@shoal/api'
import type { Metrics } from '@shoal/service'
import type { AccessRefusal } from '@shoal/swarm'
import type { ImportObserver } from './imports/import-runner.ts'

/** What the gauges read when they are scraped. */
export interface SeedGauges {
  layers(): Record<'published' | 'withdrawn', number>
  nodes(): Record<'ready' | 'unreachable' | 'lost' | 'away', number>
  modes(): Record<NodeMode, number>
  images(): Record<'total' | 'published' | 'importing' | 'failed', number>
  swarm(): { connections: number; uploadedBytes: number }
  libraryReachable(): boolean
  /** Null: there is none. */
  libraryLimit(): number | null
  /** Of the layer that was sent most often lately. */
  copies(): number
  /** What speaks against the health of the swarm. */
  reasons(): Promise<readonly HealthReason[]>
  plans(): Record<PlanState, number>
  /** Of plans under way. */
  planNodes(): Record<PlanNodeState, number>
}

const IMPORT_SECONDS = [1, 3, 10, 30, 100, 300, 1000, 3000, 10_000]

/** Counts who was refused in the swarm, and why. */
export function countRefusals(metrics: Metrics): (refusal: AccessRefusal) => void {
  const refused = metrics.counter({
    name: 'shoal_swarm_refused_total',
    help: 'Wires, lanes, announces and datagrams that were refused because of who they are from, by reason.',
    labels: ['kind', 'reason'],
  })
  return ({ kind, reason }) => refused.inc({ kind, reason })
}

/** The seed's metrics; returns what the importer reports to. */
export function createSeedMetrics(metrics: Metrics, gauges: SeedGauges): ImportObserver {
  const readBytes = metrics.counter({
    name: 'shoal_library_read_bytes_total',
    help: 'Image data read from the library.',
  })
  const requests = metrics.counter({
    name: 'shoal_library_requests_total',
    help: 'Requests for image data made to the library.',
  })
  const importSeconds = metrics.histogram({
    name: 'shoal_import_seconds',
    help: 'Time from the start of an import to its end.',
    labels: ['outcome'],
    buckets: IMPORT_SECONDS,
  })
  metrics.gauge({
    name: 'shoal_library_reachable',
    help: '1 while the image library answers.',
    collect: (gauge) => gauge.set(gauges.libraryReachable() ? 1 : 0),
  })
  metrics.gauge({
    name: 'shoal_library_limit_bytes_per_second',
    help: 'Limit on reading the library; +Inf without one.',
    collect: (gauge) => gauge.set(gauges.libraryLimit() ?? Number.POSITIVE_INFINITY),
  })
  metrics.gauge({
    name: 'shoal_seed_copies',
    help: 'Copies that the seed sent in the last ten minutes of the layer that it sent most often; 1 is ideal.',
    collect: (gauge) => gauge.set(gauges.copies()),
  })
  metrics.gauge({
    name: 'shoal_health_reasons',
    help: 'Reasons against the health of the swarm, by code, as the overview gives them.',
    labels: ['code'],
    collect: async (gauge) => {
      const reasons = await gauges.reasons()
      for (const code of HEALTH_CODES) gauge.set({ code }, reasons.filter((reason) => reason.code === code).length)
    },
  })
  metrics.total({
    name: 'shoal_seed_uploaded_bytes_total',
    help: 'Sent to the swarm since the start.',
    read: () => gauges.swarm().uploadedBytes,
  })
  metrics.gauge({
    name: 'shoal_seed_connections',
    help: 'Peers connected to the origin, over all layers.',
    collect: (gauge) => gauge.set(gauges.swarm().connections),
  })
  metrics.gauge({
    name: 'shoal_seed_nodes_by_mode',
    help: 'Nodes by mode, as operators set it.',
    labels: ['mode'],
    collect: (gauge) => {
      for (const [mode, value] of Object.entries(gauges.modes())) gauge.set({ mode }, value)
    },
  })
  // A sum over the states must not count an image twice.
  const importedImages = () => {
    const { total: _, ...imported } = gauges.images()
    return imported
  }
  const states = [
    ['shoal_seed_layers', 'Layers by state.', gauges.layers],
    ['shoal_seed_nodes', 'Nodes by state.', gauges.nodes],
    ['shoal_seed_images', 'Images of the library that were, are being or could not be imported.', importedImages],
    ['shoal_prefetch_plans', 'Prefetch plans that were asked for and are kept, by state.', gauges.plans],
    [
      'shoal_prefetch_nodes',
      'Nodes of prefetch plans that were asked for and are under way, by state.',
      gauges.planNodes,
    ],
  ] as const
  for (const [name, help, read] of states) {
    metrics.gauge({
      name,
      help,
      labels: ['state'],
      collect: (gauge) => {
        for (const [state, value] of Object.entries(read())) gauge.set({ state }, value)
      },
    })
  }
  const signatures = metrics.counter({
    name: 'shoal_image_signatures_total',
    help: 'Signatures of images that were looked at, by what was found.',
    labels: ['state'],
  })
  return {
    onSignature: (state) => signatures.inc({ state }),
    onBytes: (bytes) => readBytes.inc(bytes),
    onRequest: () => requests.inc(),
    onEnd: (outcome, seconds) => importSeconds.observe({ outcome }, seconds),
  }
}
