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
  RateMeter,
  type ShoalError,
  systemClock,
  TransferLimits,
} from '@shoal/core'
import type { Client as DhtClient } from 'bittorrent-dht'
import type Wire from 'bittorrent-protocol'
import WebTorrent, { type Torrent } from 'webtorrent'
import { DhtSeal } from './auth/dht-seal.ts'
import { RefusalLog } from './auth/refusal-log.ts'
import type { AccessRefusal, SwarmIdentity } from './auth/swarm-identity.ts'
import { BanList } from './ban-list.ts'
import { boundHandshakes } from './bound-handshakes.ts'
import { openDht } from './dht.ts'
import { Dialer, parseAddress } from './dialer.ts'
import { Discovery } from './discovery.ts'
import { swarmError } from './errors.ts'
import { FetchTurns } from './fetch-turns.ts'
import { Giving, type RefusedSource } from './giving.ts'
import { JoinPace } from './join-pace.ts'
import { LaneClient } from './lane/lane-client.ts'
import { createLaneContext, type LaneContext } from './lane/lane-context.ts'
import type { LaneAuth } from './lane/lane-reception.ts'
import { LaneServer } from './lane/lane-server.ts'
import { LanePool } from './lane-pool.ts'
import { LayerSwarm } from './layer-swarm.ts'
import { DEFAULT_LAYER_TERMS, type LayerTerms } from './layer-terms.ts'
import { OriginTurns } from './origin-turns.ts'
import type { PeerLink } from './peer-link.ts'
import { plainHost } from './plain-host.ts'
import { quietDescription, quietTorrent, quietTorrentOptions } from './quiet-torrent.ts'
import { refuseOpen } from './refuse-open.ts'
import { TurnOrder } from './scheduler/turn-order.ts'
import { isSameRack, type ShoalHello, type SwarmPlace, type SwarmRole } from './shoal-extension.ts'
import type { SwarmLayer } from './swarm-layer.ts'
import { type DecodedTorrent, decodeTorrent } from './torrent-file.ts'

/**
 * How long a host that sent a bad block is refused. The origin, without which nothing starts, is tried again soon, but later
 * each time: to be the origin is a claim.
 */
const BAN_MS = 60 * 60 * 1000
const FIRST_ORIGIN_BAN_MS = 60 * 1000
/** Of the handshake of BEP 3. */
const HANDSHAKE_BYTES = 68
/** Azureus-style prefix of our peer ids (BEP 20). */
const PEER_ID_PREFIX = '-SH0100-'

export type SwarmEncryption = 'off' | 'across-racks' | 'all'

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

export interface SwarmStats {
  connections: number
  uploadedBytes: number
  downloadedBytes: number
  upBytesPerSecond: number
  downBytesPerSecond: number
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

interface Joined {
  readonly swarm: LayerSwarm
  readonly torrent: Torrent
  readonly discovery: Discovery
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
  readonly #dhtSeal: DhtSeal | undefined
  readonly #refusalLog: RefusalLog
  readonly #layers = new Map<Digest, Joined>()
  readonly #joining = new Map<Digest, Promise<LayerSwarm>>()
  readonly #leaving = new Map<Digest, Promise<void>>()
  readonly #limits: TransferLimits
  readonly #fetchTurns: FetchTurns
  readonly #sendOrder = new TurnOrder()
  readonly #originTurns: OriginTurns
  readonly #laneContext: LaneContext
  readonly #laneServer: LaneServer
  readonly #lanes: LanePool
  readonly #pace: JoinPace
  readonly #closed: { up: RateMeter; down: RateMeter }
  #trackers: readonly string[]
  #client: WebTorrent | undefined
  #dht: DhtClient | undefined
  #port = 0

  constructor(deps: SwarmDeps, options: SwarmOptions) {
    super()
    this.#clock = deps.clock
    this.#logger = deps.logger
    this.#options = options
    this.#trackers = options.trackers
    this.#bans = new BanList(deps.clock)
    this.#identity = deps.identity
    this.#dhtSeal = deps.identity === undefined ? undefined : new DhtSeal(systemClock)
    this.#refusalLog = new RefusalLog(deps.clock, deps.logger)
    this.#limits = options.limits ?? new TransferLimits(deps.clock)
    this.#fetchTurns = new FetchTurns(deps.clock, this.#limits)
    this.#originTurns = new OriginTurns(this.#sendOrder, deps.clock)
    this.#laneContext = createLaneContext(deps)
    this.#laneServer = new LaneServer({
      ...this.#laneContext,
      limits: this.#limits,
      order: this.#sendOrder,
      resolve: (client, infoHash) => this.#byInfoHash(infoHash)?.laneUpload(client),
      onFlood: (host) => this.emit('flood', 'lane', host),
      auth: deps.identity === undefined ? undefined : this.#laneAuth(),
    })
    this.#lanes = new LanePool(deps.clock, ({ host, port, token, wantsSealed = false }) => {
      const auth = deps.identity === undefined ? undefined : { node: options.node, wantsSealed }
      const own = { localHost: options.host, peerId: this.peerId, auth }
      const lane = new LaneClient(this.#laneContext, { host, port, token, ...own })
      lane.onRefused = (reason) => this.#onRefused({ kind: 'lane', reason, address: `${host}:${port}`, node: null })
      return lane
    })
    this.#pace = new JoinPace(deps.clock)
    this.#closed = { up: new RateMeter(deps.clock), down: new RateMeter(deps.clock) }
  }

  /** `host:port` at which others reach this daemon. */
  get address(): string {
    return `${this.#advertiseHost}:${this.#port}`
  }

  /** `host:port` of our DHT node, `null` without one. */
  get dhtAddress(): string | null {
    if (this.#dht === undefined) return null
    return `${this.#advertiseHost}:${this.#dht.address().port}`
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
      onLane: (socket, first) => this.#laneServer.accept(socket, first),
      laneBytes: this.#laneServer.greetingBytes,
      onRefused: (address) => this.emit('flood', 'swarm-connection', address && plainHost(address)),
    })
    this.#client = client
    this.#port = client.address()?.port ?? port
    if (dht === false) return
    try {
      this.#dht = await openDht(
        { ...dht, advertiseHost: this.#advertiseHost },
        {
          ...{ clock: this.#clock, logger: this.#logger, seal: this.#dhtSeal },
          onRefused: (reason, host) => this.emit('flood', `dht-${reason}`, host),
          onStranger: (reason, address) => this.#onRefused({ kind: 'dht', reason, address, node: null }),
        },
      )
    } catch (error) {
      await this.close()
      throw listenError(`${dht.host}:${dht.port} (UDP)`, error)
    }
    // With a seal the library's own first questions came before there was a port to name in them.
    if (this.#dhtSeal !== undefined) this.addDhtNodes(dht.bootstrap)
  }

  /** Replaces the trackers of all layers. */
  setTrackers(urls: readonly string[]): void {
    if (urls.length === this.#trackers.length && urls.every((url, index) => url === this.#trackers[index])) return
    this.#trackers = [...urls]
    for (const { discovery } of this.#layers.values()) discovery.setTrackers(this.#trackers)
  }

  /** Says whether others are given anything; a daemon that gives nothing still takes. What was under way ends. */
  setGiving(isGiving: boolean): void {
    if (!this.#giving.setGiving(isGiving)) return
    for (const { swarm } of this.#layers.values()) swarm.onGiving()
  }

  /** Names those from whom nothing is taken. They are given what they ask for. */
  setRefused(refused: readonly RefusedSource[]): void {
    this.#giving.setRefused(refused)
    for (const { swarm } of this.#layers.values()) swarm.onRefused()
  }

  /** Sets the keys of the cluster's DHT, 32 bytes each, the newest first; without credentials it has none. */
  setDhtKeys(keys: readonly Uint8Array[]): void {
    this.#dhtSeal?.setKeys(keys)
    const { dht } = this.#options
    // What was asked of them before they could not understand.
    if (dht !== false && this.dhtNodes().length === 0) this.addDhtNodes(dht.bootstrap)
  }

  /** Adds DHT nodes (`host:port`) beside the ones given at the start. */
  addDhtNodes(addresses: readonly string[]): void {
    for (const address of addresses) {
      const node = parseAddress(address)
      if (node !== undefined && address !== this.dhtAddress) this.#dht?.addNode(node)
    }
  }

  /** DHT nodes we know, as `host:port`: worth keeping for the next start. */
  dhtNodes(): string[] {
    return this.#dht?.toJSON().nodes.map(({ host, port }) => `${host}:${port}`) ?? []
  }

  /**
   * Joins a layer's swarm: fetches what is absent, serves what is present. Idempotent: the terms count for the first time, later they
   * are changed by {@link LayerSwarm.setTerms}. Throws `SHOAL_SWARM_TORRENT_INVALID` when torrent and manifest do not fit.
   */
  join(layer: SwarmLayer, terms: LayerTerms = DEFAULT_LAYER_TERMS): Promise<LayerSwarm> {
    const { digest } = layer.manifest
    const joined = this.#layers.get(digest)
    if (joined !== undefined) return Promise.resolve(joined.swarm)
    const joining = this.#joining.get(digest) ?? this.#join(layer, terms).finally(() => this.#joining.delete(digest))
    this.#joining.set(digest, joining)
    return joining
  }

  get(digest: Digest): LayerSwarm | undefined {
    return this.#layers.get(digest)?.swarm
  }

  /** Leaves a layer's swarm; the stored layer is not touched. When it resolves nothing is written to it any more. */
  async leave(digest: Digest): Promise<void> {
    await this.#joining.get(digest)?.catch(() => undefined)
    const joined = this.#layers.get(digest)
    if (joined === undefined) return this.#leaving.get(digest)
    this.#layers.delete(digest)
    const leaving = this.#leave(joined).finally(() => this.#leaving.delete(digest))
    this.#leaving.set(digest, leaving)
    return leaving
  }

  async #leave(joined: Joined): Promise<void> {
    const stats = joined.swarm.stats()
    this.#closed.up.add(stats.uploadedBytes)
    this.#closed.down.add(stats.fromOriginBytes + stats.fromPeersBytes)
    await joined.swarm.close()
    await new Promise<void>((resolve) => joined.torrent.destroy({}, () => resolve()))
  }

  stats(): SwarmStats {
    const sum: SwarmStats = {
      connections: 0,
      uploadedBytes: this.#closed.up.totalBytes,
      downloadedBytes: this.#closed.down.totalBytes,
      upBytesPerSecond: 0,
      downBytesPerSecond: 0,
      dhtNodes: this.#dht?.nodes.toArray().length ?? 0,
    }
    for (const { swarm } of this.#layers.values()) {
      const stats = swarm.stats()
      sum.connections += stats.peers
      sum.uploadedBytes += stats.uploadedBytes
      sum.downloadedBytes += stats.fromOriginBytes + stats.fromPeersBytes
      sum.upBytesPerSecond += stats.upBytesPerSecond
      sum.downBytesPerSecond += stats.downBytesPerSecond
    }
    return sum
  }

  async close(): Promise<void> {
    const client = this.#client
    const dht = this.#dht
    // First, so that nothing joins any more.
    this.#client = undefined
    const digests = [...this.#layers.keys(), ...this.#joining.keys(), ...this.#leaving.keys()]
    await Promise.all(digests.map((digest) => this.leave(digest)))
    this.#lanes.close()
    this.#laneServer.close()
    this.#dht = undefined
    if (client !== undefined) await new Promise<void>((resolve) => client.destroy(() => resolve()))
    if (dht !== undefined) await new Promise<void>((resolve) => dht.destroy(() => resolve()))
  }

  #hello(token: Buffer | undefined): ShoalHello {
    const { role, node, zone = '', rack = '' } = this.#options
    return { role, node, zone, rack, lane: token === undefined ? undefined : { port: this.#port, token } }
  }

  #laneAuth(): LaneAuth {
    return {
      wantsSealed: (client) => {
        for (const { swarm } of this.#layers.values()) {
          const link = swarm.linkOf(client)
          if (link !== undefined) return this.#wantsSealed(link.hello)
        }
        return undefined
      },
      onRefused: (reason, host) => this.#onRefused({ kind: 'lane', reason, address: host, node: null }),
    }
  }

  /** Whether payload is to be encrypted between us and somebody there. */
  #wantsSealed(other: SwarmPlace | undefined): boolean {
    const { encryption = 'off', zone = '', rack = '' } = this.#options
    if (encryption !== 'across-racks') return encryption === 'all'
    return other === undefined || isSameRack({ zone, rack }, other) !== true
  }

  #byInfoHash(infoHash: string): LayerSwarm | undefined {
    for (const { swarm, torrent } of this.#layers.values()) if (torrent.infoHash === infoHash) return swarm
    return undefined
  }

  get #advertiseHost(): string {
    return this.#options.advertiseHost ?? this.#options.host
  }

  async #join(layer: SwarmLayer, terms: LayerTerms): Promise<LayerSwarm> {
    const { manifest } = layer
    await this.#leaving.get(manifest.digest)
    await this.#pace.turn()
    const client = this.#client
    if (client === undefined) throw new TypeError('the swarm is not started')
    const described = decodeTorrent(layer.torrent)
    if (
      described === undefined ||
      described.infoHash !== manifest.infoHash ||
      described.pieceLengthBytes !== manifest.pieceLengthBytes ||
      described.sizeBytes !== manifest.sizeBytes
    ) {
      const reason = described === undefined ? 'it cannot be read' : 'its info hash, size or piece length differs'
      throw swarmError('SHOAL_SWARM_TORRENT_INVALID', { digest: manifest.digest, reason })
    }
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
      lanes: this.#lanes,
      wantsSealed: (other) => this.#wantsSealed(other),
      limits: this.#limits,
      terms,
      fetchTurns: this.#fetchTurns,
      sendOrder: this.#sendOrder,
      originTurns: this.#originTurns,
      own: { ...this.#hello(undefined), peerId: this.peerId },
      giving: this.#giving,
      identity: this.#identity,
      helloFor: (peerId, node) => this.#hello(this.#giving.isGiving ? this.#laneServer.token(peerId, node) : undefined),
      discovery: () => discovery,
      onComplete: () => this.emit('complete', { digest: manifest.digest }),
      onBadBlock: (link, block) => this.#ban(manifest.digest, link, block),
      onStoreError: (error) => this.emit('store-error', { digest: manifest.digest, error }),
      onRefused: (refusal, link) => this.#onRefused(refusal, link),
      onFlood: (host) => this.emit('flood', 'wire', host),
    })
    const torrent = await this.#addTorrent(client, described, swarm).catch(async (error: unknown) => {
      await swarm.close()
      throw error
    })
    discovery = new Discovery(
      {
        infoHash: manifest.infoHash,
        peerId: this.peerId,
        dht: this.#dht,
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
    this.#layers.set(manifest.digest, { swarm, torrent, discovery })
    discovery.start(this.#trackers)
    this.#logger.debug({ layer: digestHex(manifest.digest), infoHash: manifest.infoHash }, 'joined swarm')
    return swarm
  }

  #addTorrent(client: WebTorrent, described: DecodedTorrent, swarm: LayerSwarm): Promise<Torrent> {
    return new Promise((resolve, reject) => {
      const options = quietTorrentOptions(described.pieceLengthBytes)
      const torrent = client.add(quietDescription(described), options, resolve)
      quietTorrent(torrent, (wire) => swarm.open(wire))
      torrent.on('wire', (wire: Wire, address: string) => this.#onWire(torrent, swarm, wire, address))
      torrent.on('error', (error: unknown) => {
        this.#logger.error({ digest: swarm.digest, error }, 'torrent failed')
        reject(error)
      })
    })
  }

  #onWire(torrent: Torrent, swarm: LayerSwarm, wire: Wire, address: string): void {
    // Not by address: what we dialled by name is there under that name.
    const peer = [...torrent._peers.values()].find((candidate) => candidate.wire === wire)
    const isOurs = peer?.conn !== null && peer?.conn !== undefined && 'id' in peer.conn
    const host = plainHost(wire.remoteAddress ?? address.slice(0, address.lastIndexOf(':')))
    // Stream errors of a wire are the remote's doing; webtorrent destroys the peer, nothing else is to be done.
    wire.on('error', (error: unknown) => this.#logger.debug({ address, error }, 'wire failed'))
    const dialled = isOurs ? (peer.conn as unknown as { id: string }).id : undefined
    const hasSpoken = !isOurs && (peer?.conn?.bytesRead ?? 0) > HANDSHAKE_BYTES
    if (this.#bans.has(host) || !swarm.addWire(wire, { host, dialled, hasSpoken })) {
      wire.destroy()
      return
    }
    peer?.on('upload', (bytes: number) => swarm.sent(wire, bytes))
  }

  #onRefused(refusal: AccessRefusal, link?: PeerLink): void {
    this.#refusalLog.note(refusal)
    // What it had open beside this wire ends as well.
    if (link !== undefined) {
      this.#laneServer.closeClient(link.peerId, link.host)
      this.#lanes.closePeer(link.peerId, link.host)
    }
    this.emit('refused', refusal)
  }

  #ban(digest: Digest, source: PeerLink, block: number): void {
    this.#bans.ban(source.host, { firstMs: source.isOrigin ? FIRST_ORIGIN_BAN_MS : BAN_MS, lastMs: BAN_MS })
    const address = `${source.host}:${source.wire.remotePort ?? 0}`
    const node = source.holder?.name ?? source.hello?.node ?? null
    const isProven = source.holder !== undefined
    for (const { swarm } of this.#layers.values()) swarm.disconnectHost(source.host)
    this.#lanes.closeHost(source.host)
    this.#laneServer.closeHost(source.host)
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
