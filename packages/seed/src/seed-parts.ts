import type { SeedStatus } from '@shoal/api'
import { type Clock, type Logger, steadyClock } from '@shoal/core'
import { createHealth, createMetrics, FloodWatch, type Health, type Metrics } from '@shoal/service'
import { clusterIdentity } from '@shoal/swarm'
import { type Access, openAccess } from './access/open-access.ts'
import { BootProfiles } from './boot-profiles/boot-profiles.ts'
import { BootClaims } from './boots/boot-claims.ts'
import { BootWishes } from './boots/boot-wish.ts'
import { FileClaims } from './boots/file-claims.ts'
import type { SeedConfig } from './config.ts'
import { type Dashboard, openDashboard } from './dashboard/open-dashboard.ts'
import { type Imports, openImports } from './imports/open-imports.ts'
import { LayerWorker } from './layers/layer-worker.ts'
import { type LibraryAccess, openLibrary } from './library-access.ts'
import { LibraryReads } from './library-reads.ts'
import { createRackShares, type RackShares } from './limits/rack-shares.ts'
import { rackNodes } from './limits/tell-shares.ts'
import { countRefusals, createSeedMetrics } from './metrics.ts'
import { NodeModes } from './nodes/node-modes.ts'
import { PushChannels } from './nodes/push-channels.ts'
import { Suspects } from './nodes/suspects.ts'
import { hostOfAddress } from './nodes/swarm-host.ts'
import type { SeedSecrets } from './open-secrets.ts'
import { openSwarm, type SeedSwarm } from './open-swarm.ts'
import { openPlacement, type Placement } from './placement/open-placement.ts'
import { openPrefetch, type Prefetch } from './prefetch/open-prefetch.ts'
import { openSeedFleet, type SeedFleet } from './seed-fleet.ts'
import { countImages, countLayers, createSeedStatus } from './seed-status.ts'
import { LayerEntitlement } from './trust/layer-entitlement.ts'
import { openSeedTrust, type SeedTrust } from './trust/open-trust.ts'
import { createTrustTeller } from './trust/tell-trust.ts'

/** All that a seed is made of. */
export interface SeedParts extends SeedFleet, Imports, Omit<SeedSwarm, keyof AsyncDisposable> {
  readonly metrics: Metrics
  readonly health: Health
  readonly floods: FloodWatch
  /** None where nodes are known by a token. */
  readonly trust: SeedTrust | undefined
  readonly entitlement: LayerEntitlement
  readonly library: LibraryAccess
  readonly prefetch: Prefetch
  readonly placement: Placement
  readonly profiles: BootProfiles
  readonly boots: BootClaims
  readonly files: FileClaims
  readonly rackShares: RackShares
  readonly modes: NodeModes
  readonly suspects: Suspects
  readonly channels: PushChannels
  readonly dashboard: Dashboard
  readonly access: Access
  readonly status: () => SeedStatus
}

export interface SeedPartsDeps {
  readonly secrets: SeedSecrets
  readonly env: NodeJS.ProcessEnv
  readonly clock: Clock
  readonly logger: Logger
  /** Closes what is opened. */
  readonly stack: AsyncDisposableStack
}

/** Builds everything bottom-up. The swarm and the tracker answer then; what asks the library, or nodes, begins later. */
export async function openSeedParts(config: SeedConfig, deps: SeedPartsDeps): Promise<SeedParts> {
  const { secrets, env, clock, logger, stack } = deps
  const { keys } = secrets
  const component = (name: string) => logger.child({ component: name })
  const fleet = await openSeedFleet(config, { ...deps, keys, originHost: () => hostOfAddress(swarm.address) })
  const { state, journal, catalogue, assignments, registry, popularity, limits, store } = fleet

  const metrics = createMetrics()
  stack.defer(() => metrics.close())
  const health = createHealth()
  const floods = new FloodWatch({ metrics, health, logger: component('floods') })
  const trust = await openSeedTrust({ state, journal, clock, logger: component('trust'), metrics }, config)
  // The seed shows no grant of its own: its certificate says that it may have everything.
  const grantSource = { own: () => undefined, keys: () => keys.trustedKeys }
  const entitlement = new LayerEntitlement({
    ...{ assignments, catalogue, registry },
    refused: (refusal, details) => trust?.refusals.note(refusal, details),
  })
  const exchange = stack.use(
    await openSwarm(
      {
        ...{ ...fleet, floods, entitlement, trust, clock, logger },
        identity: trust && clusterIdentity(trust.own.trust, clock, grantSource),
        onRefused: countRefusals(metrics),
        tellTrust: createTrustTeller({ assignments, journal, logger: component('trust') }),
      },
      config,
    ),
  )
  const { swarm, tracker, announceUrls } = exchange

  const onFlood = (address: string | undefined) => floods.refused('library-connection', address)
  const library = await openLibrary({ clock, logger, onFlood }, config.library, env)
  stack.defer(() => library.close())
  const reads = new LibraryReads(clock)
  const observer = createSeedMetrics(metrics, {
    layers: () => countLayers(catalogue),
    nodes: () => registry.counts(),
    modes: () => registry.modeCounts(),
    images: () => countImages(catalogue, imports.importer),
    swarm: () => swarm.stats(),
    libraryReachable: () => imports.watcher.isReachable,
    libraryLimit: () => limits.effective.libraryBytesPerSecond,
    copies: () => exchange.copies.highest(),
    reasons: async () => (await dashboard.pictures.take()).overview.health.reasons,
    plans: () => prefetch.reader.countByState(),
    planNodes: () => prefetch.runs.countNodes(),
  })
  const imports: Imports = openImports(
    // Plans look whether the import of what is published is over.
    {
      ...fleet,
      swarm,
      library,
      reads,
      observer,
      clock,
      logger,
      onPublished: (image) => void prefetch.noteImage(image),
    },
    { config, privateKey: () => keys.privateKey, announceUrls },
  )
  const status = createSeedStatus(
    { ...fleet, ...imports, library, swarm, tracker, reads, clock },
    {
      announceUrls: [...announceUrls],
      publicKey: () => keys.publicKey,
      tracker: config.tracker.enabled,
      dht: config.dht.enabled,
    },
  )

  const rackShares = createRackShares({
    nodes: () => rackNodes(registry, assignments),
    uplinkBytesPerSecond: () => limits.effective.rackUplinkBytesPerSecond,
    clock: steadyClock,
  })
  const prefetch: Prefetch = stack.use(
    await openPrefetch({ ...fleet, ...imports, swarm, clock, logger: component('prefetch') }, config.prefetch),
  )
  const placement = stack.use(
    openPlacement(
      { registry, catalogue, popularity, clock, steadyClock },
      {
        heartbeatIntervalMs: config.nodes.heartbeatIntervalMs,
        linkBytesPerSecond: config.prefetch.nodeLinkBytesPerSecond,
      },
    ),
  )
  const wishes = new BootWishes(state)
  await wishes.open()
  const profiles = new BootProfiles(
    {
      ...{ state, catalogue, store, clock, logger: component('boot-profiles') },
      startWorker: (image) => new LayerWorker(image),
    },
    { privateKey: () => keys.privateKey, recordings: config.boot.recordings },
  )
  await profiles.open()
  stack.defer(() => profiles.stop())

  const modes = new NodeModes({ registry, assignments, tracker })
  const suspects = new Suspects({ registry, modes, clock }, config.nodes.suspects)
  const channels = new PushChannels(() => clock.now())
  const dashboard: Dashboard = openDashboard({
    ...{ ...fleet, ...imports, tally: exchange.tally, channels, suspects, floods, status, clock },
    plans: prefetch.reader,
    logger: component('dashboard'),
  })
  stack.defer(async () => dashboard.feed.stop())
  const access = await openAccess(
    config,
    secrets,
    { ...fleet, library: library.client, looks: imports.looks, wishes, clock, logger, stack },
    { hasCertificates: trust !== undefined },
  )
  return {
    ...{ ...fleet, ...imports, ...exchange, metrics, health, floods, trust, entitlement, library, prefetch },
    ...{ placement, profiles, rackShares, modes, suspects, channels, dashboard, access, status },
    boots: new BootClaims({ ...fleet, ...imports, wishes, profiles, clock }),
    files: new FileClaims({ ...fleet, ...imports, ...prefetch, clock }),
  }
}
