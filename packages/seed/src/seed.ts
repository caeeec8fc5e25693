import { join } from 'node:path'
import type { Limits, SeedStatus } from '@shoal/api'
import { type Clock, errorMessage, type Logger, steadyClock, systemClock } from '@shoal/core'
import { createLayerStore } from '@shoal/layer-store'
import { createHealth, createHttpService, createMetrics, FloodWatch, HttpSessions } from '@shoal/service'
import { openLevelState } from '@shoal/state'
import { clusterIdentity } from '@shoal/swarm'
import { AuditLog } from './access/audit-log.ts'
import { ImageRights } from './access/image-rights.ts'
import { NamedTokens } from './access/named-tokens.ts'
import { NodePurpose } from './access/node-purpose.ts'
import { openKeystone } from './access/open-keystone.ts'
import { BackgroundWork } from './background-work.ts'
import { BootProfiles } from './boot-profiles/boot-profiles.ts'
import { BootClaims } from './boots/boot-claims.ts'
import { BootWishes } from './boots/boot-wish.ts'
import { FileClaims } from './boots/file-claims.ts'
import type { SeedConfig } from './config.ts'
import { openDashboard } from './dashboard/open-dashboard.ts'
import { servePages } from './dashboard/serve-pages.ts'
import { TRAFFIC_INTERVAL_MS } from './dashboard/traffic-log.ts'
import { EventJournal } from './events/event-journal.ts'
import { FleetLimits } from './fleet-limits.ts'
import { addAccessRoutes } from './http/access-routes.ts'
import { addAssignmentRoutes } from './http/assignment-routes.ts'
import { addBootProfileRoutes } from './http/boot-profile-routes.ts'
import { addBootRoutes } from './http/boot-routes.ts'
import { addDashboardRoutes } from './http/dashboard-routes.ts'
import { addEventRoutes } from './http/event-routes.ts'
import { addImageRoutes } from './http/image-routes.ts'
import { addKeyRoutes } from './http/key-routes.ts'
import { addLayerRoutes } from './http/layer-routes.ts'
import { addLimitRoutes } from './http/limit-routes.ts'
import { addNodeRoutes } from './http/node-routes.ts'
import { addPlacementRoutes } from './http/placement-routes.ts'
import { addPrefetchRoutes } from './http/prefetch-routes.ts'
import { addRuleRoutes } from './http/rule-routes.ts'
import { addSessionRoutes } from './http/session-routes.ts'
import { statusByCode } from './http/status-by-code.ts'
import { addStatusRoutes } from './http/status-routes.ts'
import { addTrustRoutes } from './http/trust-routes.ts'
import { Catalogue } from './images/catalogue.ts'
import { ImportJournal } from './imports/import-journal.ts'
import { openImports } from './imports/open-imports.ts'
import { LayerWorker } from './layers/layer-worker.ts'
import { openLibrary } from './library-access.ts'
import { LibraryReads } from './library-reads.ts'
import { createRackShares } from './limits/rack-shares.ts'
import { rackNodes, tellShares } from './limits/tell-shares.ts'
import { countRefusals, createSeedMetrics } from './metrics.ts'
import { Assignments } from './nodes/assignments.ts'
import { NodeModes } from './nodes/node-modes.ts'
import { NodeRegistry } from './nodes/node-registry.ts'
import { Popularity } from './nodes/popularity.ts'
import { PushChannels } from './nodes/push-channels.ts'
import { Suspects } from './nodes/suspects.ts'
import { hostOfAddress } from './nodes/swarm-host.ts'
import { openSecrets } from './open-secrets.ts'
import { openSwarm } from './open-swarm.ts'
import { openPlacement } from './placement/open-placement.ts'
import { openPrefetch } from './prefetch/open-prefetch.ts'
import { COPIES_INTERVAL_MS } from './recent-copies.ts'
import { countImages, countLayers, createSeedStatus } from './seed-status.ts'
import { KeyRotation } from './trust/key-rotation.ts'
import { LayerEntitlement } from './trust/layer-entitlement.ts'
import { LayerGrants } from './trust/layer-grants.ts'
import { ManifestSigner } from './trust/manifest-signer.ts'
import { openSeedTrust } from './trust/open-trust.ts'
import { createTrustTeller } from './trust/tell-trust.ts'
import { VERSION } from './version.ts'

export interface SeedDeps {
  readonly logger: Logger
  readonly clock?: Clock
  /** Where `OS_*` is read from; default the process's own. */
  readonly env?: NodeJS.ProcessEnv
}

/** A running seed. */
export interface Seed extends AsyncDisposable {
  /** Base URL of the HTTP API. */
  readonly url: string
  /** Base URL of the listener of nodes; none where they are known by a token. */
  readonly nodesUrl: string | undefined
  readonly operatorToken: string
  readonly nodeToken: string
  status(): SeedStatus
  /** Stops everything in reverse; idempotent. Imports under way go on at the next start. */
  stop(): Promise<void>
}

const REACHABILITY_TIMEOUT_MS = 3000
/** Nothing of it is imported: the pages are files, which `npm run build` makes. */
const BUILT_DASHBOARD = join(import.meta.dirname, '../../dashboard/dist')
const DHT_NODES_TOLD = 16
const TALLY_INTERVAL_MS = 30_000
const POPULARITY_INTERVAL_MS = 60_000
const SHARES_INTERVAL_MS = 1000

/** Starts a seed: the composition root. Whatever was started is stopped again when a later step fails. */
export async function startSeed(config: SeedConfig, deps: SeedDeps): Promise<Seed> {
  const { logger, clock = systemClock, env = process.env } = deps
  const stack = new AsyncDisposableStack()
  const component = (name: string) => logger.child({ component: name })
  try {
    const { stateDirectory } = config
    const { keys, ...secrets } = await openSecrets(config, { clock })
    const { operatorToken, nodeToken, viewerToken, sessionSecret } = secrets
    const privateKey = () => keys.privateKey

    const state = stack.use(await openLevelState(join(stateDirectory, 'state')))
    const journal = new EventJournal({ state, clock }, { limit: config.events.limit })
    const catalogue = new Catalogue(state)
    const assignments = new Assignments({ state, clock, isActive: (node) => registry.isActive(node) })
    const registry = new NodeRegistry(
      {
        ...{ state, journal, clock },
        isWanted: (node, layer) => assignments.mayMove(node, layer),
        originHost: () => hostOfAddress(swarm.address),
      },
      { ...config.nodes, reachabilityTimeoutMs: REACHABILITY_TIMEOUT_MS },
    )
    const imports = new ImportJournal(state)
    const popularity = new Popularity({ state, clock, catalogue })
    for (const part of [journal, catalogue, assignments, registry, imports, popularity]) await part.open()
    stack.defer(() => journal.flush())
    stack.defer(() => popularity.save())

    const limits = new FleetLimits(
      { state, journal, assignments, clock: steadyClock, wallClock: clock },
      configuredLimits(config),
    )
    await limits.open()

    const rotation = new KeyRotation(
      { ...{ keys, state, journal, assignments, clock }, logger: component('trust') },
      { overlapMs: config.keys.overlapHours * 3_600_000 },
    )
    await rotation.open()

    const storeDirectory = join(stateDirectory, 'layers')
    const store = stack.use(
      createLayerStore({ state, logger: component('store'), clock }, { directory: storeDirectory }),
    )
    await store.open()

    const metrics = createMetrics()
    stack.defer(() => metrics.close())
    const trust = await openSeedTrust({ state, journal, clock, logger: component('trust'), metrics }, config)
    // The seed shows no grant of its own: its certificate says that it may have everything.
    const grantSource = { own: () => undefined, keys: () => keys.trustedKeys }
    const identity = trust && clusterIdentity(trust.own.trust, clock, grantSource)
    const entitlement = new LayerEntitlement({
      ...{ assignments, catalogue, registry },
      refused: (refusal, details) => trust?.refusals.note(refusal, details),
    })
    const onRefused = countRefusals(metrics)

    const health = createHealth()
    const floods = new FloodWatch({ metrics, health, logger: component('floods') })
    const exchange = stack.use(
      await openSwarm(
        {
          ...{ state, catalogue, registry, limits, store, floods, entitlement, trust, identity, onRefused, clock },
          tellTrust: createTrustTeller({ assignments, journal, logger: component('trust') }),
          logger,
        },
        config,
      ),
    )
    const { swarm, tracker, announceUrls, dhtKeys, tally, copies } = exchange

    const onLibraryFlood = (address: string | undefined) => floods.refused('library-connection', address)
    const library = await openLibrary({ clock, logger, onFlood: onLibraryFlood }, config.library, env)
    stack.defer(() => library.close())

    const reads = new LibraryReads(clock)
    const observer = createSeedMetrics(metrics, {
      layers: () => countLayers(catalogue),
      nodes: () => registry.counts(),
      modes: () => registry.modeCounts(),
      images: () => countImages(catalogue, importer),
      swarm: () => swarm.stats(),
      libraryReachable: () => watcher.isReachable,
      libraryLimit: () => limits.effective.libraryBytesPerSecond,
      copies: () => copies.highest(),
      reasons: async () => (await dashboard.pictures.take()).overview.health.reasons,
      plans: () => prefetch.reader.countByState(),
      planNodes: () => prefetch.runs.countNodes(),
    })

    const { publication, layerings, importer, review, watcher } = openImports(
      {
        ...{ state, journal, catalogue, assignments, registry, imports, store, swarm, limits, library, reads },
        ...{ observer, clock, logger },
        // Plans look whether its import is over.
        onPublished: (image) => void prefetch.noteImage(image),
      },
      { config, privateKey, announceUrls },
    )
    const fleet = { catalogue, importer, registry, limits }
    const status = createSeedStatus(
      { ...fleet, library, watcher, swarm, tracker, reads, clock },
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
    const fleetDeps = { catalogue, registry, assignments, importer, layerings, limits, swarm }
    const prefetch = stack.use(
      await openPrefetch({ ...fleetDeps, state, journal, clock, logger: component('prefetch') }, config.prefetch),
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
      { privateKey, recordings: config.boot.recordings },
    )
    await profiles.open()
    stack.defer(() => profiles.stop())
    const boots = new BootClaims({ ...fleetDeps, wishes, watcher, journal, profiles, clock })

    const modes = new NodeModes({ registry, assignments, tracker })
    const suspects = new Suspects({ registry, modes, clock }, config.nodes.suspects)
    const channels = new PushChannels(() => clock.now())
    const dashboard = openDashboard({
      ...{ ...fleetDeps, tally, journal, channels, suspects, floods, status, clock, plans: prefetch.reader },
      logger: component('dashboard'),
    })
    stack.defer(async () => dashboard.feed.stop())
    // Nodes that have certificates need no token: theirs opens what services read.
    const nodeRole = trust === undefined ? ('node' as const) : ('service' as const)
    const tokens = { operator: operatorToken, node: nodeToken, viewer: viewerToken, nodeRole }
    const credentials = new NamedTokens({ state, journal, clock }, tokens)
    const audit = new AuditLog({ state, clock, logger: component('audit') }, config.audit)
    for (const part of [credentials, audit]) await part.open()
    stack.defer(() => audit.flush())
    const cloud = openKeystone(config.access.keystone, { clock, logger: component('access') })
    if (cloud !== undefined) stack.defer(() => cloud.close())
    const rights = new ImageRights(
      { library: library.client, catalogue, clock, logger: component('access') },
      { cacheMs: config.access.imageCacheMs },
    )
    const purpose = new NodePurpose({ catalogue, watcher, assignments, wishes, rights }, config.access)
    const sessions = new HttpSessions({ credentials, secret: sessionSecret }, () => clock.now())

    health.register('state', async () => void (await state.get('seed/revision')))
    const http = await createHttpService(
      { logger: component('http'), metrics, health, floods },
      {
        name: 'shoal-seed',
        version: VERSION,
        ...config.listen,
        ...{ tokens, credentials, sessions, cloud: cloud?.callers, cloudSessions: cloud?.signIn.sessions },
        audit: (fact) => audit.note(fact),
        nodes: trust?.listener,
        openapi: {
          title: 'Shoal seed',
          description:
            'Fronts the image library: imports images, publishes layers and says which node should hold them.',
        },
        // A heartbeat of 4,096 layers is the largest body.
        bodyLimitBytes: 4 * 1024 ** 2,
        statusByCode,
      },
    )
    addImageRoutes(http.app, { catalogue, watcher, importer, layerings, rights })
    const grants = new LayerGrants(clock, () => keys.privateKey)
    addLayerRoutes(http.app, {
      catalogue,
      store,
      assignments,
      registry,
      tally,
      journal,
      entitlement,
      rights,
      grants,
      signer: new ManifestSigner(keys),
    })
    addNodeRoutes(http.app, {
      registry,
      assignments,
      modes,
      suspects,
      catalogue,
      popularity,
      limits,
      rackShares,
      profiles,
      boots,
      channels,
      trust: () => ({
        keys: keys.statements.length,
        ...(trust && { revocations: trust.revocations.list.revision }),
        ...(dhtKeys && { dhtKeys: [...dhtKeys.keys] }),
      }),
      onReport: (node, inventory) => {
        prefetch.runs.onReport(node, inventory)
        dashboard.survey.note(node, inventory, clock.now())
        dashboard.arrivals.note(node, inventory)
      },
      onRemoved: (node) => {
        prefetch.runs.onRemoved(node)
        dashboard.survey.forget(node)
      },
      enrollment: (node) => ({
        heartbeatIntervalMs: config.nodes.heartbeatIntervalMs,
        publicKeys: [...keys.trusted],
        trackers: [...announceUrls],
        dhtBootstrap: [
          ...(swarm.dhtAddress === null ? [] : [swarm.dhtAddress]),
          ...registry.dhtAddresses({ except: node, limit: DHT_NODES_TOLD }),
        ],
        ...(dhtKeys && { dhtKeys: [...dhtKeys.keys] }),
        originAddress: swarm.address,
      }),
    })
    addAssignmentRoutes(http.app, { registry, assignments, catalogue, journal, rights })
    addBootRoutes(http.app, {
      rights,
      purpose,
      boots,
      files: new FileClaims({ ...fleetDeps, ...prefetch, watcher, journal, clock }),
    })
    addBootProfileRoutes(http.app, { profiles, registry, entitlement })
    addTrustRoutes(http.app, { trust, journal })
    addKeyRoutes(http.app, { keys, rotation })
    addLimitRoutes(http.app, { limits })
    addPlacementRoutes(http.app, { ...placement, rights })
    addPrefetchRoutes(http.app, { ...prefetch, rights })
    addRuleRoutes(http.app, { rights, rules: prefetch.rules, showPlan: (plan) => prefetch.reader.show(plan) })
    addEventRoutes(http.app, { journal })
    addStatusRoutes(http.app, { status })
    addDashboardRoutes(http.app, { ...dashboard, registry, clock })
    addSessionRoutes(http.app, { sessions, credentials, cloud: cloud?.signIn, journal, clock })
    addAccessRoutes(http.app, { tokens: credentials, audit })
    if (config.dashboard.enabled) {
      await servePages(http.app, { directory: config.dashboard.directory ?? BUILT_DASHBOARD })
    }

    await publication.open()
    const url = await http.start()
    stack.defer(() => http.stop())
    const nodesUrl = await http.startNodes()
    trust?.own.trust.onChange(() => http.renewNodes())
    // A seed that cannot listen ends here again and again: until now it has asked nothing of the library.
    await importer.resume()
    stack.defer(() => importer.stop())
    layerings.resume()
    stack.defer(() => layerings.stop())
    for (const { image } of catalogue.images()) review.consider(image.id)
    stack.defer(() => review.stop())

    const work = new BackgroundWork({ clock, logger })
    for (const part of [watcher, prefetch, rotation, trust?.own, dhtKeys]) work.run(part)
    const onError = (error: unknown) =>
      logger.error({ reason: errorMessage(error) }, 'the limits of the schedule were not written')
    work.run({ run: (options) => limits.run({ ...options, onError }) })
    const { heartbeatIntervalMs } = config.nodes
    work.every(heartbeatIntervalMs, async () => {
      for (const address of await registry.markLost()) tracker.forget(address)
    })
    work.every(heartbeatIntervalMs, (options) => registry.checkReachable(options))
    work.every(SHARES_INTERVAL_MS, () => tellShares(rackShares, assignments, journal))
    work.every(TRAFFIC_INTERVAL_MS, async () => dashboard.traffic.sample())
    work.every(TALLY_INTERVAL_MS, () => exchange.saveTally())
    work.every(COPIES_INTERVAL_MS, async () => copies.sample())
    work.every(POPULARITY_INTERVAL_MS, () => popularity.save())
    stack.defer(async () => {
      health.drain()
      await work.stop()
    })
    const { address } = swarm
    logger.info(
      { url, nodesUrl, swarm: address, trackers: announceUrls, library: library.endpoint, publicKey: keys.publicKey },
      'seed is ready',
    )
    let stopped: Promise<void> | undefined
    const stop = () => {
      stopped ??= stack.disposeAsync()
      return stopped
    }
    return { url, nodesUrl, operatorToken, nodeToken, status, stop, [Symbol.asyncDispose]: stop }
  } catch (error) {
    await stack.disposeAsync()
    throw error
  }
}

function configuredLimits({ library, swarm, racks, nodes }: SeedConfig): Limits {
  return {
    libraryBytesPerSecond: library.limitBytesPerSecond,
    seedUpBytesPerSecond: swarm.upBytesPerSecond,
    rackUplinkBytesPerSecond: racks.uplinkBytesPerSecond,
    node: nodes.limits,
  }
}
