import { type Clock, type Digest, type Logger, type ShoalError, steadyClock, type TransferLimits } from '@shoal/core'
import type { LayerStore, StoredLayer } from '@shoal/layer-store'
import type { FloodWatch, Metrics } from '@shoal/service'
import type { StateStore } from '@shoal/state'
import type { BlockSource } from '../boot/block-source.ts'
import type { Notice } from '../boot/boots-notice.ts'
import type { PeerConfig } from '../config.ts'
import type { LayerHolds } from '../layer-holds.ts'
import type { SeedLink } from '../seed-link.ts'
import { Downloads } from './downloads.ts'
import { GlanceEndpoint } from './glance-endpoint.ts'
import { GlanceLimit } from './glance-limit.ts'
import { ImageAccess } from './image-access.ts'
import { ImageFiles } from './image-files.ts'
import { KnownFiles } from './known-files.ts'
import { registerGatewayMetrics } from './metrics.ts'
import { Upstream } from './upstream.ts'

/** What a silent connection may last beyond all that is waited for. */
const STALL_MARGIN_MS = 60_000

export interface OpenGlanceDeps {
  readonly state: StateStore
  readonly store: Pick<LayerStore, 'get'>
  readonly seed: SeedLink
  readonly holds: LayerHolds
  readonly source: BlockSource
  readonly limits: Pick<TransferLimits, 'takeDown'>
  readonly notice: Notice
  readonly metrics: Metrics
  readonly floods: Pick<FloodWatch, 'refused'>
  readonly node: string
  readonly isWithdrawn: (digest: Digest) => boolean
  readonly failureOf: (digest: Digest) => ShoalError | undefined
  readonly onUse: (layer: StoredLayer) => void
  readonly onUnknown: () => void
  /** Blocks of a layer came past the swarm, which has to look at it anew. */
  readonly onStored: (layer: StoredLayer) => void
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
}

/**
 * The Glance endpoint of a node, not yet listening; `undefined` when it is to have none. Throws
 * `SHOAL_GATEWAY_CERTIFICATE`.
 */
export async function openGlance(
  { glance }: Pick<PeerConfig, 'glance'>,
  deps: OpenGlanceDeps,
): Promise<GlanceEndpoint | undefined> {
  const { url, caFile, host, port, silenceMs, waitMs, giveUpMs, maxDownloads, patienceMs, sendHost } = glance
  if (url === null) return undefined
  const logger = deps.logger.child({ component: 'glance' })
  const upstream = await Upstream.open({ url, caFile, sendHost, silenceMs })
  const known = new KnownFiles(deps.state)
  await known.open()
  const counters = registerGatewayMetrics(deps.metrics, () => downloads.running)
  const clock = steadyClock
  const downloads: Downloads = new Downloads(
    {
      ...{ upstream, counters, logger, clock, random: deps.random, source: deps.source },
      access: new ImageAccess({ upstream, clock }, { cacheMs: glance.accessCacheMs }),
      files: new ImageFiles({ ...deps, known, clock, logger }, { node: deps.node, waitMs }),
      limit: new GlanceLimit({ clock, node: deps.limits }, glance.limitBytesPerSecond),
      onStored: ({ layer }) => deps.onStored(layer),
    },
    { maxDownloads, patienceMs, giveUpMs },
  )
  const stallMs = Math.max(waitMs, giveUpMs, silenceMs) + STALL_MARGIN_MS
  const onFlood = (address: string | undefined) => deps.floods.refused('glance-connection', address)
  return new GlanceEndpoint(
    { upstream, downloads, counters, onFlood, clock, logger },
    { listen: { host, port }, stallMs },
  )
}
