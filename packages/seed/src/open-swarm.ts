import { type Clock, type Logger, steadyClock } from '@shoal/core'
import type { LayerStore } from '@shoal/layer-store'
import type { FloodWatch } from '@shoal/service'
import type { StateStore } from '@shoal/state'
import {
  type AccessRefusal,
  createSwarm,
  createTracker,
  type Swarm,
  type SwarmIdentity,
  type Tracker,
} from '@shoal/swarm'
import type { SeedConfig } from './config.ts'
import { seedError } from './errors.ts'
import type { FleetLimits } from './fleet-limits.ts'
import type { Catalogue } from './images/catalogue.ts'
import type { NodeRegistry } from './nodes/node-registry.ts'
import { RecentCopies } from './recent-copies.ts'
import { type DhtKeyRing, openDhtKeys } from './trust/dht-key-ring.ts'
import type { LayerEntitlement } from './trust/layer-entitlement.ts'
import type { SeedTrust } from './trust/open-trust.ts'
import { UploadTally } from './upload-tally.ts'

export interface SeedSwarmDeps {
  readonly state: StateStore
  readonly catalogue: Catalogue
  readonly registry: Pick<NodeRegistry, 'placeOfPeer'>
  readonly limits: Pick<FleetLimits, 'origin'>
  readonly store: Pick<LayerStore, 'buffers'>
  readonly floods: FloodWatch
  readonly entitlement: Pick<LayerEntitlement, 'mayJoin'>
  /** These two where nodes are known by certificates. */
  readonly trust: SeedTrust | undefined
  readonly identity: SwarmIdentity | undefined
  readonly onRefused: (refusal: AccessRefusal) => void
  /** Has nodes told at once of what is new of whom they trust. */
  readonly tellTrust: () => void
  readonly clock: Clock
  readonly logger: Logger
}

/** The seed's part in the exchange of layers: the source of last resort, and who tells the others of each other. */
export interface SeedSwarm extends AsyncDisposable {
  readonly swarm: Swarm
  readonly tracker: Tracker
  /** None where the tracker is switched off. */
  readonly announceUrls: readonly string[]
  readonly dhtKeys: DhtKeyRing | undefined
  readonly tally: UploadTally
  readonly copies: RecentCopies
  saveTally(): Promise<void>
}

/** Starts tracker and swarm. Throws `SHOAL_SEED_ADVERTISE` and what they throw. */
export async function openSwarm(deps: SeedSwarmDeps, config: SeedConfig): Promise<SeedSwarm> {
  const { state, catalogue, trust, identity, floods, onRefused, clock, logger } = deps
  await using opening = new AsyncDisposableStack()
  const component = (name: string) => logger.child({ component: name })
  const { host, open: isOpen } = config.swarm
  const place = { host, isOpen, ...advertisedHost(config.swarm) }
  const swarm = createSwarm(
    { logger: component('swarm'), clock: steadyClock, buffers: deps.store.buffers, identity },
    {
      ...place,
      role: 'origin',
      encryption: config.swarm.encryption,
      node: config.name,
      port: config.swarm.port,
      dht: config.dht.enabled && { host, port: config.dht.port, bootstrap: [] },
      trackers: [],
      limits: deps.limits.origin,
    },
  )
  const tracker = createTracker(
    {
      ...{ logger: component('tracker'), identity, onRefused },
      onFlood: (what, address) => floods.refused(what, address),
    },
    {
      ...place,
      port: config.tracker.port,
      announceIntervalMs: config.tracker.announceIntervalMs,
      allows: (infoHash) => catalogue.publishedLayer(infoHash) !== undefined,
      mayHave: (infoHash, node) => deps.entitlement.mayJoin(infoHash, node),
      describe: (peerId) =>
        peerId === swarm.peerId
          ? { node: config.name, address: swarm.address, isOrigin: true }
          : deps.registry.placeOfPeer(peerId),
    },
  )
  swarm.on('refused', onRefused)
  const dhtKeys =
    trust && (await openDhtKeys(trust, { state, clock, logger: component('trust') }, swarm, deps.tellTrust))
  swarm.on('flood', (what, address) => floods.refused(what, address))
  let announceUrls: string[] = []
  if (config.tracker.enabled) {
    announceUrls = await tracker.start()
    opening.defer(() => tracker.stop())
  }
  await swarm.start()
  opening.defer(() => swarm.close())
  swarm.setTrackers(announceUrls)
  const tally = new UploadTally({ state, swarm })
  await tally.open()
  const saveTally = () => tally.save(catalogue.layers().map(({ digest }) => digest))
  opening.defer(saveTally)
  const copies = new RecentCopies({
    layers: () => catalogue.layers().map(({ digest, sizeBytes }) => ({ digest, sizeBytes, sent: tally.read(digest) })),
  })
  copies.sample()
  const opened = opening.move()
  const parts = { swarm, tracker, announceUrls, dhtKeys, tally, copies, saveTally }
  return { ...parts, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

/** What nodes are told in place of the address that is listened on. */
function advertisedHost({ host, advertiseHost }: SeedConfig['swarm']): { advertiseHost?: string } {
  if (advertiseHost !== null) return { advertiseHost }
  if (host === '0.0.0.0' || host === '::') throw seedError('SHOAL_SEED_ADVERTISE', { host })
  return {}
}
