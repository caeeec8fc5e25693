import { randomBytes } from 'node:crypto'
import { EventEmitter } from 'node:events'
import {
  type BlockBuffers,
  type Clock,
  type Digest,
  digestHex,
  errorCode,
  errorMessage,
  type Logger,
  type ShoalError,
  TransferLimits,
} from '@shoal/core'
import WebTorrent from 'webtorrent'
import { RefusalLog } from './auth/refusal-log.ts'
import type { AccessRefusal, SwarmIdentity } from './auth/swarm-identity.ts'
import { BanList } from './ban-list.ts'
import { boundHandshakes } from './bound-handshakes.ts'
import { ClusterDht } from './cluster-dht.ts'
import { Dialer } from './dialer.ts'
import { Discovery } from './discovery.ts'
import { swarmError } from './errors.ts'
import { FetchTurns } from './fetch-turns.ts'
import { Giving, type RefusedSource } from './giving.ts'
import { JoinPace } from './join-pace.ts'
import { type JoinedLayer, JoinedLayers, type LayerTraffic } from './joined-layers.ts'
import { LayerSwarm } from './layer-swarm.ts'
import { DEFAULT_LAYER_TERMS, type LayerTerms } from './layer-terms.ts'
import { openTorrent, torrentOf } from './layer-torrent.ts'
import { OriginTurns } from './origin-turns.ts'
import type { PeerLink } from './peer-link.ts'
import { plainHost } from './plain-host.ts'
import { refuseOpen } from './refuse-open.ts'
import { TurnOrder } from './scheduler/turn-order.ts'
import type { ShoalHello, SwarmRole } from './shoal-extension.ts'
import { type SwarmEncryption, SwarmLanes } from './swarm-lanes.ts'
import type { SwarmLayer } from './swarm-layer.ts'

/**
 * How long a host that sent a bad block is refused. The origin, without which nothing starts, is tried again soon, but later
 * each time: to be the origin is a claim.
 */
const BAN_MS = 60 * 60 * 1000
const FIRST_ORIGIN_BAN_MS = 60 * 1000
/** Azureus-style prefix of our peer ids (BEP 20). */
const PEER_ID_PREFIX = '-SH0100-'

export interface SwarmOptions {
  readonly role: SwarmRole
  /** This node's name. */
  readonly node: string
  /** Where it is; empty, the default, when nobody said. */
  readonly zone?: string
  readonly rack?: string
  /** Address to listen on and to connect from: the storage network's. */
  readonly host: string
  /** TCP port; 0 takes a free one. */
  readonly port: number
  /** Whether it may listen beyond this machine without credentials, for whoever comes; default is no. */
  readonly isOpen?: boolean
  /** Host others are told; default is `host`. */
  readonly advertiseHost?: string | undefined
  readonly dht: { readonly host: string; readonly port: number; readonly bootstrap: readonly string[] } | false
  /** Announce URLs. */
  readonly trackers: readonly string[]
  readonly announceIntervalMs?: number
  /** Between whom payload is encrypted, which takes credentials; default is nobody. */
  readonly encryption?: SwarmEncryption
  /** Limits on payload; default is none. */
  readonly limits?: TransferLimits
}

export interface SwarmDeps {
  readonly clock: Clock
  readonly logger: Logger
  /** Those of the store whose layers are joined. */
  readonly buffers: BlockBuffers
  /** With it nobody gets or gives anything without proving to be a node of the cluster; without it anybody may. */
  readonly identity?: SwarmIdentity | undefined
}

/** What the bounds of a swarm turn away. */
export type SwarmFlood = 'swarm-connection' | 'wire' | 'lane' | 'dht-malformed' | 'dht-flood'

export interface SwarmStats extends LayerTraffic {
  dhtNodes: number
}

export interface BanEvent {
  readonly digest: Digest
  /** `host:port` of the wire that sent the block. */
  readonly address: string
  /** The name of the source, if it is a Shoal daemon: that of its certificate, or else the one it gave itself. */
  readonly node: string | null
  /** Whether a certificate proved that name. */
  readonly isProven: boolean
  readonly block: number
  readonly reason: string
}

interface SwarmEvents {
  ban: [BanEvent]
  complete: [{ digest: Digest }]
  'store-error': [{ digest: Digest; error: ShoalError }]
  /** Somebody was turned away, or put out, because of who it is or because nobody knows. */
  refused: [AccessRefusal]
  /** A bound turned something away, from this address where it is known. */
  flood: [what: SwarmFlood, address: string | undefined]
}

/**
 * The BitTorrent side of a daemon: one listening socket and one DHT node for all its layers. Start it, then join
 * layers; what is absent is fetched and what is present is served.
 */
export class Swarm extends EventEmitter<SwarmEvents> {
  readonly peerId = Buffer.concat([Buffer.from(PEER_ID_PREFIX), randomBytes(12)]).toString('hex')
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #options: SwarmOptions
  readonly #bans: BanList
  readonly #giving = new Giving()
  readonly #identity: SwarmIdentity | undefined
  readonly #dht: ClusterDht | undefined
  readonly #refusalLog: RefusalLog
  readonly #layers: JoinedLayers
  readonly #limits: TransferLimits
  readonly #fetchTurns: FetchTurns
  readonly #sendOrder = new TurnOrder()
  readonly #originTurns: OriginTurns
  readonly #lanes: SwarmLanes
  readonly #pace: JoinPace
  #client: WebTorrent | undefined
  #port = 0

  constructor(deps: SwarmDeps, options: SwarmOptions) {
    super()
    this.#clock = deps.clock
    this.#logger = deps.logger
    this.#options = options
    this.#bans = new BanList(deps.clock)
    this.#identity = deps.identity
    this.#refusalLog = new RefusalLog(deps.clock, deps.logger)
    if (options.dht !== false) {
      this.#dht = new ClusterDht(
        {
          ...{ clock: deps.clock, logger: deps.logger },
          onRefused: (reason, host) => this.emit('flood', `dht-${reason}`, host),
          onStranger: (reason, address) => this.#onRefused({ kind: 'dht', reason, address, node: null }),
        },
        { ...options.dht, advertiseHost: this.#advertiseHost, isSealed: deps.identity !== undefined },
      )
    }
    const { trackers } = options
    this.#layers = new JoinedLayers(deps.clock, { trackers, open: (layer, terms) => this.#openLayer(layer, terms) })
    this.#limits = options.limits ?? new TransferLimits(deps.clock)
    this.#fetchTurns = new FetchTurns(deps.clock, this.#limits)
    this.#originTurns = new OriginTurns(this.#sendOrder, deps.clock)
    const { node, host, zone = '', rack = '', encryption = 'off' } = options
    this.#lanes = new SwarmLanes(
      {
        ...{ clock: deps.clock, buffers: deps.buffers, limits: this.#limits, order: this.#sendOrder },
        upload: (client, infoHash) => this.#layers.byInfoHash(infoHash)?.laneUpload(client),
        wireOf: (client) => this.#layers.linkOf(client),
        onRefused: (refusal) => this.#onRefused(refusal),
        onFlood: (from) => this.emit('flood', 'lane', from),
      },
      {
        ...{ peerId: this.peerId, node, place: { zone, rack }, localHost: host, encryption },
        isProven: deps.identity !== undefined,
      },
    )
    this.#pace = new JoinPace(deps.clock)
  }

  /** `host:port` at which others reach this daemon. */
  get address(): string {
    return `${this.#advertiseHost}:${this.#port}`
  }

  /** `host:port` of our DHT node, `null` without one. */
  get dhtAddress(): string | null {
    return this.#dht?.address ?? null
  }

  /** Listens. Throws `SHOAL_SWARM_PORT_IN_USE`, `SHOAL_SWARM_ADDRESS`, `SHOAL_SWARM_LISTEN` or `SHOAL_SWARM_OPEN`. */
  async start(): Promise<void> {
    const { host, port, dht, isOpen } = this.#options
    const who = { identity: this.#identity, isOpen }
    for (const listening of dht === false ? [host] : [host, dht.host]) refuseOpen(listening, who)
    const client = new WebTorrent({
      peerId: this.peerId,
      torrentPort: { host, port },
      utp: false,
      dht: false,
      tracker: false,
      lsd: false,
      utPex: false,
      natUpnp: false,
      natPmp: false,
      webSeeds: false,
      secure: 0,
    })
    await new Promise<void>((resolve, reject) => {
      client.once('listening', resolve)
      client.once('error', (error: unknown) => reject(listenError(`${host}:${port}`, error)))
    })
    client.on('error', (error: unknown) => this.#logger.error({ error }, 'swarm client failed'))
    boundHandshakes(client._connPool, {
      onLane: (socket, first) => this.#lanes.server.accept(socket, first),
      laneBytes: this.#lanes.server.greetingBytes,
      onRefused: (address) => this.emit('flood', 'swarm-connection', address && plainHost(address)),
    })
    this.#client = client
    this.#port = client.address()?.port ?? port
    if (dht === false) return
    try {
      await this.#dht?.open()
    } catch (error) {
      await this.close()
      throw listenError(`${dht.host}:${dht.port} (UDP)`, error)
    }
  }

  /** Replaces the trackers of all layers. */
  setTrackers(urls: readonly string[]): void {
    this.#layers.setTrackers(urls)
  }

  /** Says whether others are given anything; a daemon that gives nothing still takes. What was under way ends. */
  setGiving(isGiving: boolean): void {
    if (!this.#giving.setGiving(isGiving)) return
    for (const swarm of this.#layers.swarms()) swarm.onGiving()
  }

  /** Names those from whom nothing is taken. They are given what they ask for. */
  setRefused(refused: readonly RefusedSource[]): void {
    this.#giving.setRefused(refused)
    for (const swarm of this.#layers.swarms()) swarm.onRefused()
  }

  /** Sets the keys of the cluster's DHT, 32 bytes each, the newest first; without credentials it has none. */
  setDhtKeys(keys: readonly Uint8Array[]): void {
    this.#dht?.setKeys(keys)
  }

  /** Adds DHT nodes (`host:port`) beside the ones given at the start. */
  addDhtNodes(addresses: readonly string[]): void {
    this.#dht?.add(addresses)
  }

  /** DHT nodes we know, as `host:port`: worth keeping for the next start. */
  dhtNodes(): string[] {
    return this.#dht?.nodes() ?? []
  }

  /**
   * Joins a layer's swarm: fetches what is absent, serves what is present. Idempotent: the terms count for the first time, later they
   * are changed by {@link LayerSwarm.setTerms}. Throws `SHOAL_SWARM_TORRENT_INVALID` when torrent and manifest do not fit.
   */
  join(layer: SwarmLayer, terms: LayerTerms = DEFAULT_LAYER_TERMS): Promise<LayerSwarm> {
    return this.#layers.join(layer, terms)
  }

  get(digest: Digest): LayerSwarm | undefined {
    return this.#layers.get(digest)
  }

  /** Leaves a layer's swarm; the stored layer is not touched. When it resolves nothing is written to it any more. */
  leave(digest: Digest): Promise<void> {
    return this.#layers.leave(digest)
  }

  stats(): SwarmStats {
    return { ...this.#layers.traffic(), dhtNodes: this.#dht?.nodeCount ?? 0 }
  }

  async close(): Promise<void> {
    const client = this.#client
    // First, so that nothing joins any more.
    this.#client = undefined
    await this.#layers.leaveAll()
    this.#lanes.close()
    if (client !== undefined) await new Promise<void>((resolve) => client.destroy(() => resolve()))
    await this.#dht?.close()
  }

  #hello(token: Buffer | undefined): ShoalHello {
    const { role, node, zone = '', rack = '' } = this.#options
    return { role, node, zone, rack, lane: token === undefined ? undefined : { port: this.#port, token } }
  }

  get #advertiseHost(): string {
    return this.#options.advertiseHost ?? this.#options.host
  }

  async #openLayer(layer: SwarmLayer, terms: LayerTerms): Promise<JoinedLayer> {
    const { manifest } = layer
    await this.#pace.turn()
    const client = this.#client
    if (client === undefined) throw new TypeError('the swarm is not started')
    const described = torrentOf(layer)
    let discovery: Discovery | undefined
    const dialer = new Dialer({
      clock: this.#clock,
      localHost: this.#options.host,
      ownAddress: this.address,
      isBanned: (host) => this.#bans.has(host) || this.#giving.isRefusedHost(host),
      onSocket: (socket) => {
        if (torrent.destroyed) socket.destroy()
        else torrent.addPeer(socket)
      },
    })
    const swarm = new LayerSwarm({
      clock: this.#clock,
      logger: this.#logger,
      random: Math.random,
      layer,
      metadata: described.info,
      dialer,
      lanes: this.#lanes.pool,
      wantsSealed: (other) => this.#lanes.wantsSealed(other),
      limits: this.#limits,
      terms,
      fetchTurns: this.#fetchTurns,
      sendOrder: this.#sendOrder,
      originTurns: this.#originTurns,
      own: { ...this.#hello(undefined), peerId: this.peerId },
      giving: this.#giving,
      identity: this.#identity,
      helloFor: (peerId, node) =>
        this.#hello(this.#giving.isGiving ? this.#lanes.server.token(peerId, node) : undefined),
      discovery: () => discovery,
      onComplete: () => this.emit('complete', { digest: manifest.digest }),
      onBadBlock: (link, block) => this.#ban(manifest.digest, link, block),
      onStoreError: (error) => this.emit('store-error', { digest: manifest.digest, error }),
      onRefused: (refusal, link) => this.#onRefused(refusal, link),
      onFlood: (host) => this.emit('flood', 'wire', host),
    })
    const opening = { client, logger: this.#logger, isBanned: (host: string) => this.#bans.has(host) }
    const torrent = await openTorrent(opening, described, swarm).catch(async (error: unknown) => {
      await swarm.close()
      throw error
    })
    discovery = new Discovery(
      {
        infoHash: manifest.infoHash,
        peerId: this.peerId,
        dht: this.#dht?.client,
        identity: this.#identity,
        logger: this.#logger,
        leftBytes: () => swarm.leftBytes,
        isGiving: () => this.#giving.isGiving,
        transferred: () => {
          const stats = swarm.stats()
          return { uploaded: stats.uploadedBytes, downloaded: stats.fromOriginBytes + stats.fromPeersBytes }
        },
        onPeers: (addresses) => swarm.addPeers(addresses),
      },
      { port: this.#port, announceIntervalMs: this.#options.announceIntervalMs ?? 30_000 },
    )
    this.#logger.debug({ layer: digestHex(manifest.digest), infoHash: manifest.infoHash }, 'joined swarm')
    return { swarm, torrent, discovery }
  }

  #onRefused(refusal: AccessRefusal, link?: PeerLink): void {
    this.#refusalLog.note(refusal)
    // What it had open beside this wire ends as well.
    if (link !== undefined) this.#lanes.closePeer(link.peerId, link.host)
    this.emit('refused', refusal)
  }

  #ban(digest: Digest, source: PeerLink, block: number): void {
    this.#bans.ban(source.host, { firstMs: source.isOrigin ? FIRST_ORIGIN_BAN_MS : BAN_MS, lastMs: BAN_MS })
    const address = `${source.host}:${source.wire.remotePort ?? 0}`
    const node = source.holder?.name ?? source.hello?.node ?? null
    const isProven = source.holder !== undefined
    for (const swarm of this.#layers.swarms()) swarm.disconnectHost(source.host)
    this.#lanes.closeHost(source.host)
    this.emit('ban', { digest, address, node, isProven, block, reason: `block ${block} does not have its SHA-256` })
  }
}

/** Creates a swarm; it does nothing until {@link Swarm.start}. */
export function createSwarm(deps: SwarmDeps, options: SwarmOptions): Swarm {
  return new Swarm(deps, options)
}

function listenError(address: string, error: unknown): ShoalError {
  const code = errorCode(error)
  if (code === 'EADDRINUSE') return swarmError('SHOAL_SWARM_PORT_IN_USE', { address }, error)
  if (code === 'EADDRNOTAVAIL') return swarmError('SHOAL_SWARM_ADDRESS', { address }, error)
  return swarmError('SHOAL_SWARM_LISTEN', { address, reason: errorMessage(error) }, error)
}
