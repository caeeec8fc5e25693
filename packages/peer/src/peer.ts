import { createClient, type Enrollment, type PeerStatus, type ToldTrust } from '@shoal/api'
import { type Clock, errorCode, type Logger, ShoalError, steadyClock, systemClock } from '@shoal/core'
import { createHealth, createMetrics, FloodWatch, type Health, type HttpService, type Metrics } from '@shoal/service'
import { clusterIdentity, createSwarm, type Swarm, type SwarmIdentity } from '@shoal/swarm'
import { advertisedHost } from './advertised-host.ts'
import { BanLog } from './ban-log.ts'
import { type NodeBoots, openBoots } from './boot/boots-open.ts'

import { fetchBootBlocks } from './boot/fetch-boot-blocks.ts'
import { registerBootMetrics } from './boot/metrics.ts'
import { swarmSource } from './boot/swarm-source.ts'
import { registerCacheMetrics } from './cache/metrics.ts'
import { NodeCache } from './cache/node-cache.ts'
import type { Compositions } from './compose/compositions.ts'
import { openCompositions } from './compose/open-compositions.ts'
import type { PeerConfig } from './config.ts'
import { DesiredStateFollower } from './desired-state.ts'
import { EnrollmentKeeper } from './enrollment.ts'
import { EventQueue } from './event-queue.ts'
import { fetchLayer } from './fetch-layer.ts'
import type { GlanceEndpoint } from './glance/glance-endpoint.ts'
import { openGlance } from './glance/open-glance.ts'
import { Heartbeat } from './heartbeat.ts'
import { takeInventory } from './inventory.ts'
import { KeyTrust } from './key-trust.ts'
import { LayerEvents } from './layer-events.ts'
import { LayerHolds } from './layer-holds.ts'
import { registerPeerMetrics } from './metrics.ts'
import { nodeName, registration } from './node-facts.ts'
import { NodeLimitsKeeper } from './node-limits.ts'
import { registerNovaCacheMetrics } from './nova-cache/metrics.ts'
import type { NovaCache } from './nova-cache/nova-cache.ts'
import { openNovaCache } from './nova-cache/open-nova-cache.ts'
import { createPeerHttp } from './peer-http.ts'
import { PeerRecords } from './peer-records.ts'
import { peerStatus } from './peer-status.ts'
import { layerDirectory, openStorage, type PeerStorage } from './peer-storage.ts'
import { Reconciler } from './reconciler.ts'
import { SeedLink } from './seed-link.ts'
import { readTokenFile } from './token-file.ts'
import { LayerGrants } from './trust/layer-grants.ts'
import { NodeTrust } from './trust/node-trust.ts'
import { SeedFetch } from './trust/seed-fetch.ts'

/** The start waits this long for the seed, so that a refused token ends it; then it goes on without the seed. */
const FIRST_REGISTRATION_MS = 10_000
const SAVE_DHT_NODES_MS = 60_000

export interface PeerDeps {
  readonly logger: Logger
  readonly clock?: Clock
  readonly random?: () => number
  /** The seed came up after the start and refuses the token; the daemon should be stopped. */
  readonly onFatal?: (error: ShoalError) => void
}

/** What the swarm is made of. */
type SwarmParts = Pick<Parts, 'limits' | 'records' | 'store'> & {
  readonly node: string
  readonly identity: SwarmIdentity | undefined
}

interface Parts extends PeerStorage {
  readonly metrics: Metrics
  readonly health: Health
  readonly floods: FloodWatch
  /** Its credential; none where it sends a token. */
  readonly member: NodeTrust | undefined
  /** What it shows to be given layers; none where it sends a token. */
  readonly grants: LayerGrants | undefined
  readonly trust: KeyTrust
  readonly swarm: Swarm
  readonly seed: SeedLink
  readonly records: PeerRecords
  readonly holds: LayerHolds
  readonly events: EventQueue
  readonly layerEvents: LayerEvents
  readonly reconciler: Reconciler
  readonly compositions: Compositions
  readonly novaCache: NovaCache | undefined
  readonly booting: NodeBoots
  readonly cache: NodeCache
  readonly enrollment: EnrollmentKeeper
  readonly desired: DesiredStateFollower
  readonly heartbeat: Heartbeat
  readonly bans: BanLog
  readonly limits: NodeLimitsKeeper
  readonly startedAt: string
}

/** The peer daemon. It does nothing until {@link Peer.start}. */
export class Peer implements AsyncDisposable {
  readonly #config: PeerConfig
  readonly #deps: Required<PeerDeps>
  #stack: AsyncDisposableStack | undefined
  #parts: Parts | undefined
  #apiUrl = ''

  constructor(config: PeerConfig, deps: PeerDeps) {
    this.#config = config
    this.#deps = { clock: systemClock, random: Math.random, onFatal: () => {}, ...deps }
  }

  /** Base URL of this node's own API, once started. */
  get apiUrl(): string {
    return this.#apiUrl
  }

  /**
   * Starts serving what is held, then registers. Goes on without a seed that does not answer. Throws
   * `SHOAL_PEER_TOKEN_REFUSED`, `SHOAL_PEER_TOKEN_FILE`, `SHOAL_PEER_DIRECTORY`, `SHOAL_STATE_LOCKED`,
   * `SHOAL_SWARM_OPEN`, `SHOAL_SWARM_PORT_IN_USE`, `SHOAL_HTTP_PORT_IN_USE` and the like.
   */
  async start({ signal }: { signal?: AbortSignal } = {}): Promise<void> {
    if (this.#stack !== undefined) throw new TypeError('the peer is started already')
    const stack = new AsyncDisposableStack()
    this.#stack = stack
    try {
      await this.#start(stack, signal)
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  /** Leaves the swarm, flushes the store, closes everything; idempotent. */
  async stop(): Promise<void> {
    await this.#stack?.disposeAsync()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /** This node at a glance, as its own API shows it. */
  status(): Promise<PeerStatus> {
    if (this.#parts === undefined) throw new TypeError('the peer is not started')
    return peerStatus(this.#config, this.#parts)
  }

  async #start(stack: AsyncDisposableStack, signal: AbortSignal | undefined): Promise<void> {
    const parts = await this.#open(stack, signal)
    const { swarm, enrollment, desired, events } = parts
    this.#listen(parts)
    stack.use({ [Symbol.asyncDispose]: () => swarm.close() })
    await swarm.start()
    signal?.throwIfAborted()
    this.#parts = parts
    const http = stack.use(await this.#createHttp(parts))
    this.#apiUrl = await http.start()
    await events.open()
    await enrollment.open()
    await desired.open()
    const glance = stack.use(await this.#openGlance(parts))
    const glanceUrl = await glance?.start()
    if (glanceUrl !== undefined) this.#deps.logger.info({ url: glanceUrl }, 'serving Glance')
    if (enrollment.current !== undefined) parts.reconciler.setOrigin(enrollment.current.originAddress)
    parts.compositions.start()

    const stop = new AbortController()
    const loops: Promise<void>[] = []
    stack.defer(async () => {
      stop.abort(new Error('the peer is stopping'))
      await Promise.all(loops)
      await this.#saveDhtNodes(parts)
    })
    const begin = (run: () => Promise<void>) => loops.push(untilAborted(run(), stop.signal))
    // First of all to end: what machines read is left to the next run, before the swarm that it may need is gone.
    stack.defer(() => parts.booting[Symbol.asyncDispose]())
    begin(() => parts.reconciler.run(stop))
    begin(() => parts.cache.run(stop))
    const { member, grants } = parts
    if (member !== undefined) begin(() => member.run(parts.seed, stop))
    if (grants !== undefined) begin(() => grants.run(() => parts.reconciler.belonging(), stop))
    const { novaCache } = parts
    if (novaCache !== undefined) begin(() => novaCache.run(stop))
    begin(() => parts.booting.wants.run(stop))
    begin(() => this.#keepDhtNodes(parts, stop.signal))
    const isDone = await this.#registerFirst(parts, AbortSignal.any([stop.signal, ...(signal ? [signal] : [])]))
    begin(() => enrollment.run({ signal: stop.signal, isDone }))
    begin(() => enrollment.whenRegistered(stop).then(() => desired.run(stop)))
    begin(() => enrollment.whenRegistered(stop).then(() => desired.watch(stop)))
    begin(() => enrollment.whenRegistered(stop).then(() => parts.heartbeat.run(stop)))
  }

  /** Builds everything bottom-up; only storage is opened. */
  async #open(stack: AsyncDisposableStack, signal: AbortSignal | undefined): Promise<Parts> {
    const config = this.#config
    const { logger, clock, random } = this.#deps
    const node = nodeName(config)
    const [metrics, health] = [createMetrics(), createHealth()]
    const floods = new FloodWatch({
      ...{ metrics, health, logger: logger.child({ component: 'floods' }) },
      onFlood: (flood) => void layerEvents.flooded(flood),
    })
    const { tokenFile, url, publicKey } = config.seed
    const token = tokenFile === null ? undefined : await readTokenFile(tokenFile)
    const { state, store } = await openStorage(config, { clock, logger, stack })
    const records = new PeerRecords({ state, logger })
    // A token over https: a seed without certificates, behind something that speaks TLS for it.
    const hasCertificate = url.startsWith('https:') && token === undefined
    const opening = { node, signal: signal ?? new AbortController().signal }
    const member = hasCertificate
      ? await NodeTrust.open({ records, clock, random, logger: logger.child({ component: 'trust' }) }, config, opening)
      : undefined
    const seedFetch = member && stack.use(new SeedFetch(member.cluster))
    const client = createClient({ baseUrl: url, token, ...(seedFetch && { fetch: seedFetch.fetch }) })
    const seed = new SeedLink({ client, logger }, { url })
    const trust = new KeyTrust(
      { seed, records, clock, logger, onChange: () => grants?.notice() },
      { publicKey, seedUrl: url },
    )
    await trust.open()
    // What the seed said last holds from the first byte on, whether it answers now or not.
    const limits = new NodeLimitsKeeper(steadyClock, config.limits)
    limits.setFleet((await records.desired())?.limits)
    const grants: LayerGrants | undefined =
      member && new LayerGrants({ seed, records, trust, clock, random, logger: logger.child({ component: 'trust' }) })
    await grants?.open()
    const own = (infoHash: string) => grants?.own(infoHash)
    const identity = member && clusterIdentity(member.cluster, clock, { own, keys: () => trust.keys() })
    const swarm = await this.#createSwarm({ node, records, limits, store, identity })
    const events = new EventQueue({ state, logger, onAdded: () => heartbeat.hurry() })
    const layerEvents = new LayerEvents({ queue: events, records, clock })
    const holds = new LayerHolds()
    const cache: NodeCache = stack.use(
      await NodeCache.open(
        {
          ...{ store, state, swarm, holds, clock },
          events: layerEvents,
          logger: logger.child({ component: 'cache' }),
          disks: () => [...compositions.files(), ...booting.overlays.files(), ...(novaCache?.files() ?? [])],
          assignedAt: (digest) => reconciler.assignedAt(digest),
          fetchProfile: (image, { signal }) => fetchBootBlocks(seed, image, { trust, signal }),
          onRoom: () => reconciler.roomIsBack(),
          onLimit: (bytes) => enrollment.noteCapacity(bytes),
          onCorrupt: (digest) => void reconciler.repair(digest),
        },
        { cache: config.cache, directory: layerDirectory(config) },
      ),
    )
    const reconciler = new Reconciler(
      {
        ...{ store, swarm, holds, clock, random, logger },
        events: layerEvents,
        room: cache.room,
        evicted: cache.evicted,
        usersOf: (digest) => cache.pins.usersOf(digest),
        onPurged: (digest) => cache.cache.purged(digest),
        onStep: () => {
          grants?.notice()
          booting.notice.ring()
          novaCache?.notice()
        },
        fetchLayer: (digest, { signal }) => fetchLayer(seed, digest, { trust, taken: records, grants, signal }),
        mayRepair: ({ infoHash }) => grants?.has(infoHash) !== false,
      },
      { intervalMs: config.reconcile.intervalMs },
    )
    const isWithdrawn = reconciler.isRevoked.bind(reconciler)
    const compositions: Compositions = stack.use(
      await openCompositions(config, {
        ...{ state, store, holds, isWithdrawn, clock, logger },
        reserve: (path, bytes) => cache.reserveDisk(path, bytes),
        onUse: ({ manifest }) => cache.uses.used(manifest.digest, manifest.sizeBytes),
      }),
    )
    const novaCache: NovaCache | undefined = await openNovaCache(config, {
      ...{ state, store, holds, isWithdrawn, node, clock, random, logger },
      reserve: (path, bytes) => cache.reserveDisk(path, bytes),
      onUse: ({ manifest }) => cache.uses.used(manifest.digest, manifest.sizeBytes),
    })
    const enrollment = new EnrollmentKeeper(
      {
        ...{ seed, records, trust, clock, random, logger },
        apply: (said) => this.#apply(said, swarm, reconciler),
        onRefused: this.#deps.onFatal,
      },
      {
        node,
        seedUrl: url,
        tokenFile,
        hasCertificate,
        registration: () => registration(config, { swarm, cache, apiUrl: this.#apiUrl }),
      },
    )
    const onTrust = ({ keys, revocations, dhtKeys }: ToldTrust) => {
      if (dhtKeys !== undefined) swarm.setDhtKeys(dhtKeysOf({ dhtKeys }))
      void trust.note(keys, { signal: stopping.signal })
      void member?.noteRevocations(revocations, seed, { signal: stopping.signal })
    }
    const desired = new DesiredStateFollower(
      {
        ...{ seed, records, clock, random, logger },
        onDesired: (state) => {
          limits.setFleet(state.limits)
          swarm.setGiving(state.mode?.mode !== 'quarantined')
          swarm.setRefused(state.refused ?? [])
          cache.setDesired(state)
          reconciler.setDesired(state)
          grants?.notice()
          booting.prefetches.setAssigned(state.assignments)
          novaCache?.setImages(state.images)
          if (state.trust !== undefined) onTrust(state.trust)
        },
        onUnknown: () => enrollment.request(),
      },
      { node, intervalMs: config.reconcile.intervalMs },
    )
    const heartbeat = new Heartbeat(
      {
        ...{ seed, events, clock, random, logger },
        inventory: () =>
          takeInventory({ store, swarm, reconciler, limits, pinned: cache.pinned, boots: booting.boots, clock }),
        uses: () => cache.uses.next(),
        onFacts: (facts, told) => cache.setFacts(facts, told),
        onRevision: (revision) => desired.notice(revision),
        onRevocations: (revision) => void member?.noteRevocations(revision, seed, { signal: stopping.signal }),
        onUnknown: () => enrollment.request(),
      },
      { node, intervalMs: () => config.heartbeat.intervalMs ?? enrollment.current?.heartbeatIntervalMs ?? 10_000 },
    )
    // Machines whose connection broke when the last run ended wait for their disks: these come before the swarm and the seed.
    const booting: NodeBoots = await openBoots(config, {
      ...{ state, store, holds, seed, events, reconciler, node, clock, random, logger },
      floods,
      uses: cache.uses,
      source: swarmSource({ swarm, clock: steadyClock }),
      trust,
      onUnknown: () => enrollment.request(),
    })
    stack.use(booting)
    seed.onReturn(() => {
      reconciler.seedIsBack()
      booting.wants.notice()
      booting.notice.ring()
    })
    const stopping = new AbortController()
    stack.defer(() => stopping.abort(new Error('the peer is stopping')))
    const bans = new BanLog(clock)
    const startedAt = new Date(clock.now()).toISOString()
    const parts: Parts = {
      ...{
        metrics,
        health,
        floods,
        member,
        trust,
        grants,
        state,
        store,
        swarm,
        seed,
        records,
        holds,
        events,
        layerEvents,
        novaCache,
      },
      ...{ reconciler, compositions, booting, cache, enrollment, desired, heartbeat, bans, limits, startedAt },
    }
    return parts
  }

  async #createSwarm(parts: SwarmParts): Promise<Swarm> {
    const { node, records, limits, store, identity } = parts
    const { swarm, dht, seed, zone, rack } = this.#config
    const { logger } = this.#deps
    const enrollment = await records.enrollment()
    const bootstrap = [...new Set([...(enrollment?.dhtBootstrap ?? []), ...(await records.dhtNodes())])]
    const { host, port, advertiseHost, encryption, open: isOpen } = swarm
    const created = createSwarm(
      // The swarm only measures time: setting the machine's clock must not stall it.
      { logger: logger.child({ component: 'swarm' }), clock: steadyClock, buffers: store.buffers, identity },
      {
        role: 'peer',
        encryption,
        node,
        zone,
        rack,
        host,
        isOpen,
        port,
        advertiseHost: await advertisedHost({ host, advertiseHost, seedUrl: seed.url }),
        dht: dht.enabled ? { host, port: dht.port, bootstrap } : false,
        trackers: enrollment?.trackers ?? [],
        limits: limits.transfers,
      },
    )
    created.setDhtKeys(dhtKeysOf(enrollment))
    return created
  }

  async #createHttp(parts: Parts): Promise<HttpService> {
    const { metrics, health, floods } = parts
    const { swarm, store, reconciler, compositions, novaCache, booting, cache, enrollment, seed, events, layerEvents } =
      parts
    const { boots } = booting
    const counters = registerPeerMetrics(metrics, {
      ...{ store, swarm, reconciler, compositions, pinned: cache.pinned },
      isSeedReachable: () => seed.isReachable,
      queuedEvents: () => events.length,
    })
    swarm.on('ban', counters.banned)
    swarm.on('refused', counters.refused)
    cache.onEvicted(registerCacheMetrics(metrics, cache, () => layerEvents.refusals).evicted)
    booting.observer.count(registerBootMetrics(metrics, boots))
    if (novaCache !== undefined) registerNovaCacheMetrics(metrics, novaCache)
    return createPeerHttp(this.#config, {
      ...{ logger: this.#deps.logger, metrics, health, floods, store, compositions, novaCache, cache, boots },
      repair: (digest) => reconciler.repair(digest),
      status: () => this.status(),
      isEnrolled: () => enrollment.current !== undefined,
    })
  }

  #openGlance(parts: Parts): Promise<GlanceEndpoint | undefined> {
    const { metrics, floods, state, store, seed, holds, booting, limits, reconciler, cache, enrollment, swarm } = parts
    return openGlance(this.#config, {
      ...{ ...this.#deps, state, store, seed, holds, metrics, floods },
      ...{ notice: booting.notice, limits: limits.transfers, node: nodeName(this.#config) },
      source: swarmSource({ swarm, clock: steadyClock }),
      isWithdrawn: (digest) => reconciler.isRevoked(digest),
      failureOf: (digest) => reconciler.failure(digest)?.error,
      // One that is only about to be assigned is counted by that.
      onUse: ({ manifest: { digest, sizeBytes } }) => {
        if (reconciler.assignedAt(digest) !== undefined) cache.uses.used(digest, sizeBytes)
      },
      onUnknown: () => enrollment.request(),
      // The swarm learns of blocks that others wrote when it joins; the reconciler has it join again.
      onStored: ({ manifest }) => void swarm.leave(manifest.digest).then(() => reconciler.seedIsBack()),
    })
  }

  #listen({ swarm, reconciler, layerEvents, bans, novaCache, floods }: Parts): void {
    swarm.on('flood', (what, address) => floods.refused(what, address))
    swarm.on('complete', ({ digest }) => {
      reconciler.onComplete(digest)
      novaCache?.notice()
    })
    swarm.on('store-error', ({ digest, error }) => reconciler.onStoreError(digest, error))
    swarm.on('ban', (ban) => {
      const { digest: layer, address, node, block } = ban
      this.#deps.logger.warn({ layer, address, node, block }, 'banned a peer that sent a bad block')
      bans.add(ban)
      void layerEvents.banned(ban)
    })
  }

  #apply(enrollment: Enrollment, swarm: Swarm, reconciler: Reconciler): void {
    swarm.setTrackers(enrollment.trackers)
    swarm.setDhtKeys(dhtKeysOf(enrollment))
    swarm.addDhtNodes(enrollment.dhtBootstrap)
    reconciler.setOrigin(enrollment.originAddress)
  }

  /** True when the seed has accepted; false when it does not answer or is not well. Throws when it refuses the token. */
  async #registerFirst({ enrollment }: Parts, signal: AbortSignal): Promise<boolean> {
    try {
      await enrollment.register({ signal, timeoutMs: FIRST_REGISTRATION_MS })
      return true
    } catch (error) {
      const isRefused = errorCode(error) === 'SHOAL_PEER_TOKEN_REFUSED'
      if (signal.aborted || isRefused || !(error instanceof ShoalError)) throw error
      return false
    }
  }

  /** The DHT nodes we know let a restart find peers with the seed dead. */
  async #keepDhtNodes(parts: Parts, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#deps.clock.sleep(SAVE_DHT_NODES_MS, { signal })
      await this.#saveDhtNodes(parts)
    }
  }

  /** A table that is empty because the network was away must not replace a good one. */
  async #saveDhtNodes({ swarm, records }: Parts): Promise<void> {
    const nodes = swarm.dhtNodes()
    if (nodes.length > 0) await records.saveDhtNodes(nodes)
  }
}

/** Lets a loop end when it is told to. Any other end of one is a bug: it is left unhandled and ends the process. */
async function untilAborted(loop: Promise<void>, signal: AbortSignal): Promise<void> {
  try {
    await loop
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

/** Creates a peer daemon. */
export function createPeer(config: PeerConfig, deps: PeerDeps): Peer {
  return new Peer(config, deps)
}

function dhtKeysOf(enrollment: Pick<Enrollment, 'dhtKeys'> | undefined): Buffer[] {
  return (enrollment?.dhtKeys ?? []).map((key) => Buffer.from(key, 'hex'))
}
