import type { PeerStatus } from '@shoal/api'
import { type Clock, errorCode, type Logger, ShoalError, steadyClock, systemClock } from '@shoal/core'
import type { HttpService } from '@shoal/service'
import { registerBootMetrics } from './boot/metrics.ts'
import { swarmSource } from './boot/swarm-source.ts'
import { registerCacheMetrics } from './cache/metrics.ts'
import type { PeerConfig } from './config.ts'
import type { GlanceEndpoint } from './glance/glance-endpoint.ts'
import { openGlance } from './glance/open-glance.ts'
import { registerPeerMetrics } from './metrics.ts'
import { registerNovaCacheMetrics } from './nova-cache/metrics.ts'
import { createPeerHttp } from './peer-http.ts'
import { openPeerParts, type PeerParts } from './peer-parts.ts'
import { peerStatus } from './peer-status.ts'
import { keepDhtNodes, saveDhtNodes } from './peer-swarm.ts'

/** The start waits this long for the seed, so that a refused token ends it; then it goes on without the seed. */
const FIRST_REGISTRATION_MS = 10_000

export interface PeerDeps {
  readonly logger: Logger
  readonly clock?: Clock
  readonly random?: () => number
  /** The seed came up after the start and refuses the token; the daemon should be stopped. */
  readonly onFatal?: (error: ShoalError) => void
}

/** The peer daemon. It does nothing until {@link Peer.start}. */
export class Peer implements AsyncDisposable {
  readonly #config: PeerConfig
  readonly #deps: Required<PeerDeps>
  #stack: AsyncDisposableStack | undefined
  #parts: PeerParts | undefined
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
    const { onFatal, ...deps } = this.#deps
    const parts = await openPeerParts(
      this.#config,
      { ...deps, stack, apiUrl: () => this.#apiUrl, onRefused: onFatal },
      { signal },
    )
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
    await this.#run(parts, stack, signal)
  }

  /** Begins all that goes on until the daemon stops. */
  async #run(parts: PeerParts, stack: AsyncDisposableStack, signal: AbortSignal | undefined): Promise<void> {
    const { enrollment, desired, heartbeat, reconciler, cache, member, grants, seed, novaCache, booting } = parts
    const stop = new AbortController()
    const loops: Promise<void>[] = []
    stack.defer(async () => {
      stop.abort(new Error('the peer is stopping'))
      await Promise.all(loops)
      await saveDhtNodes(parts)
    })
    const begin = (run: () => Promise<void> | undefined) => loops.push(untilAborted(run(), stop.signal))
    // First of all to end: what machines read is left to the next run, before the swarm that it may need is gone.
    stack.defer(() => booting[Symbol.asyncDispose]())
    begin(() => reconciler.run(stop))
    begin(() => cache.run(stop))
    begin(() => member?.run(seed, stop))
    begin(() => grants?.run(() => reconciler.belonging(), stop))
    begin(() => novaCache?.run(stop))
    begin(() => booting.wants.run(stop))
    begin(() => keepDhtNodes({ ...parts, clock: this.#deps.clock }, stop))
    const isDone = await registerFirst(parts, AbortSignal.any([stop.signal, ...(signal ? [signal] : [])]))
    begin(() => enrollment.run({ signal: stop.signal, isDone }))
    begin(() => enrollment.whenRegistered(stop).then(() => desired.run(stop)))
    begin(() => enrollment.whenRegistered(stop).then(() => desired.watch(stop)))
    begin(() => enrollment.whenRegistered(stop).then(() => heartbeat.run(stop)))
  }

  #listen({ swarm, reconciler, layerEvents, bans, novaCache, floods }: PeerParts): void {
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

  async #createHttp(parts: PeerParts): Promise<HttpService> {
    const { metrics, health, floods, swarm, store, reconciler, compositions, novaCache } = parts
    const { booting, cache, enrollment, seed, events, layerEvents } = parts
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

  #openGlance(parts: PeerParts): Promise<GlanceEndpoint | undefined> {
    const { metrics, floods, state, store, node, seed, holds, booting, limits } = parts
    const { reconciler, cache, enrollment, swarm } = parts
    return openGlance(this.#config, {
      ...{ ...this.#deps, state, store, node, seed, holds, metrics, floods },
      ...{ notice: booting.notice, limits: limits.transfers },
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
}

/** True when the seed has accepted; false when it does not answer or is not well. Throws when it refuses the token. */
async function registerFirst({ enrollment }: PeerParts, signal: AbortSignal): Promise<boolean> {
  try {
    await enrollment.register({ signal, timeoutMs: FIRST_REGISTRATION_MS })
    return true
  } catch (error) {
    const isRefused = errorCode(error) === 'SHOAL_PEER_TOKEN_REFUSED'
    if (signal.aborted || isRefused || !(error instanceof ShoalError)) throw error
    return false
  }
}

/** Lets a loop end when it is told to. Any other end of one is a bug: it is left unhandled and ends the process. */
async function untilAborted(loop: Promise<void> | undefined, signal: AbortSignal): Promise<void> {
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
