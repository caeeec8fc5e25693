import {
  Bitfield,
  type Clock,
  type Digest,
  type Logger,
  pieceCount,
  RateMeter,
  type ShoalError,
  type TransferLimits,
} from '@shoal/core'
import type Wire from 'bittorrent-protocol'
import type { Arrivals } from './arrivals.ts'
import type { AccessRefusal, Holder, RefusalReason, SwarmIdentity } from './auth/swarm-identity.ts'
import { WireGate } from './auth/wire-gate.ts'
import { WireGrants } from './auth/wire-grants.ts'
import { boundMessages } from './bound-messages.ts'
import type { UnstoredBlock } from './demands.ts'
import type { Dialer } from './dialer.ts'
import type { Discovery } from './discovery.ts'
import { Downloads } from './downloads.ts'
import type { FetchTurns } from './fetch-turns.ts'
import type { Giving } from './giving.ts'
import { type LaneClientId, nodeIdOf } from './lane/lane-greeting.ts'
import type { LaneUploadFactory } from './lane/lane-upload.ts'
import type { LanePool } from './lane-pool.ts'
import { isSameTerms, type LayerTerms } from './layer-terms.ts'
import { LayerUploads } from './layer-uploads.ts'
import { metadataExtension } from './metadata-extension.ts'
import type { OriginTurns } from './origin-turns.ts'
import { PeerLink } from './peer-link.ts'
import type { TurnOrder } from './scheduler/turn-order.ts'
import { type ShoalHello, type SwarmPlace, shoalExtension } from './shoal-extension.ts'
import type { SwarmLayer } from './swarm-layer.ts'
import type { UploadRequest } from './upload-queue.ts'
import { WasteGuard } from './waste-guard.ts'

const MAX_LINKS = 60
/** Connections that one host may open to one layer: more would let it take every place. */
const MAX_INCOMING_PER_HOST = 10
/** A wire that says nothing for so long is dead: clients send a keep-alive every two minutes (BEP 3). */
const DEAD_MS = 5 * 60_000
/** Connections, stalls and silence are looked after this often, and what is late or whose turn it is this often. */
const TICK_MS = 1000
const FILL_MS = 100
/** webtorrent's own last resort for a request; our stall rule comes long before. */
const WIRE_TIMEOUT_MS = 60_000
/** A wire whose peer id is a Shoal daemon's is asked for nothing before it said more, but no longer than this. */
const HELLO_MS = 2000

export interface LayerSwarmDeps {
  readonly clock: Clock
  readonly logger: Logger
  readonly random: () => number
  readonly layer: SwarmLayer
  /** The bencoded `info` of its torrent. */
  readonly metadata: Uint8Array
  readonly dialer: Dialer
  readonly lanes: LanePool
  readonly limits: TransferLimits
  readonly terms: LayerTerms
  /** Among the layers that are fetched, and among those that are given. */
  readonly fetchTurns: FetchTurns
  readonly sendOrder: TurnOrder
  readonly originTurns: OriginTurns
  readonly own: ShoalHello & { readonly peerId: string }
  readonly giving: Pick<Giving, 'isGiving' | 'isRefused'>
  /** With it everybody has to prove which node it is before anything else; without it nobody does. */
  readonly identity: SwarmIdentity | undefined
  /** What a peer is told of us: with the token for its lane. */
  readonly helloFor: (peerId: string, node: string | undefined) => ShoalHello
  /** Whether what goes over lanes with this daemon is to be encrypted. */
  readonly wantsSealed: (other: SwarmPlace) => boolean
  readonly discovery: () => Discovery | undefined
  readonly onComplete: () => void
  readonly onBadBlock: (link: PeerLink, block: number) => void
  readonly onStoreError: (error: ShoalError) => void
  /** A wire was closed because of who is there, or because nobody knows; the link when it had been let in. */
  readonly onRefused: (refusal: AccessRefusal, link: PeerLink | undefined) => void
  /** A wire of this host was closed because of what came on it, or was one too many. */
  readonly onFlood: (host: string) => void
}

/** Where a wire comes from. */
export interface WireOrigin {
  readonly host: string
  /** `host:port` when we dialled it. */
  readonly dialled: string | undefined
  /** Whether the other side, which dialled us, said more than its handshake before it had ours. */
  readonly hasSpoken?: boolean
}

export interface LayerSwarmStats {
  peers: number
  uploadedBytes: number
  fromOriginBytes: number
  fromPeersBytes: number
  upBytesPerSecond: number
  downBytesPerSecond: number
}

/**
 * One layer's swarm as this daemon sees it: which wires there are and what each side has. What is asked of whom is
 * {@link Downloads}' part. Everything that changes state runs synchronously in one event.
 */
export class LayerSwarm {
  readonly #deps: LayerSwarmDeps
  readonly #layer: SwarmLayer
  readonly #pieceCount: number
  readonly #downloads: Downloads
  readonly #uploads: LayerUploads
  readonly #waste: WasteGuard
  readonly #links = new Map<Wire, PeerLink>()
  readonly #gate: WireGate | undefined
  readonly #grants: WireGrants
  /** Wires on which our handshake is out. */
  readonly #met = new WeakSet<Wire>()
  readonly #up: RateMeter
  readonly #timer: NodeJS.Timeout
  /** While something is missing. */
  #fillTimer: NodeJS.Timeout | undefined
  #terms: LayerTerms
  #isClosed = false

  constructor(deps: LayerSwarmDeps) {
    this.#deps = deps
    this.#terms = deps.terms
    const { clock, logger, random, layer, own, limits, terms, fetchTurns, sendOrder, originTurns } = deps
    this.#layer = layer
    this.#pieceCount = pieceCount(layer.manifest)
    this.#waste = new WasteGuard(this.#pieceCount)
    this.#up = new RateMeter(clock)
    this.#downloads = new Downloads({
      clock,
      logger,
      random,
      layer,
      own,
      terms,
      turns: fetchTurns,
      links: () => this.#links.values(),
      onStored: (piece) => this.#onStored(piece),
      onBadBlock: deps.onBadBlock,
      onStoreError: deps.onStoreError,
    })
    this.#uploads = new LayerUploads({
      ...{ clock, layer, limits, own, terms },
      order: sendOrder,
      originTurns,
      onUpload: (bytes) => this.#up.add(bytes),
    })
    const { identity } = deps
    const { infoHash } = layer.manifest
    this.#grants = new WireGrants(identity, { infoHash, isSeed: own.role === 'origin' })
    if (identity !== undefined) {
      this.#gate = new WireGate({
        ...{ identity, clock, ownPeerId: own.peerId, infoHash },
        onRefused: (refusal) => deps.onRefused(refusal, undefined),
        onFlood: deps.onFlood,
      })
    }
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
    this.#setFillTimer()
  }

  get digest(): Digest {
    return this.#layer.manifest.digest
  }

  get isComplete(): boolean {
    return this.#downloads.have.isFull
  }

  /** Bytes not yet here. */
  get leftBytes(): number {
    return this.#layer.manifest.sizeBytes - this.#layer.presentBytes
  }

  /** Changes on which terms it is fetched and given beside other layers; at once, for what is asked for and sent next. */
  setTerms(terms: LayerTerms): void {
    if (this.#isClosed || isSameTerms(terms, this.#terms)) return
    this.#terms = terms
    this.#downloads.setTerms(terms)
    this.#uploads.setTerms(terms)
  }

  /**
   * Fetches blocks before everything else, each from a second source too when the first is late. Resolves when all of them are present,
   * but for those that it gives because they could not be stored. Waits for as long as it takes: rejects with the signal's reason, or
   * with `SHOAL_SWARM_LAYER_LEFT` when the layer is left.
   */
  demand(firstBlock: number, blocks: number, options: { signal: AbortSignal }): Promise<readonly UnstoredBlock[]> {
    return this.#downloads.demand(firstBlock, blocks, options)
  }

  /** Says that blocks will be read soon: they come before what nobody reads, and behind demands. */
  hint(firstBlock: number, blocks: number): void {
    this.#downloads.hint(firstBlock, blocks)
  }

  /** Names addresses (`host:port`) where this layer may be found. */
  addPeers(addresses: readonly string[]): void {
    this.#deps.dialer.add(addresses)
    this.#dial()
  }

  /** Where pieces came from, and why. */
  get arrivals(): Arrivals {
    return this.#downloads.arrivals
  }

  stats(): LayerSwarmStats {
    return {
      peers: this.#links.size,
      uploadedBytes: this.#up.totalBytes,
      upBytesPerSecond: this.#up.bytesPerSecond(),
      ...this.#downloads.stats,
    }
  }

  /** Takes a wire over at its handshake; false when it is not wanted. */
  addWire(wire: Wire, { host, dialled, hasSpoken = false }: WireOrigin): boolean {
    const { own, dialer } = this.#deps
    const isSelf = wire.peerId === own.peerId
    if (dialled !== undefined && isSelf) dialer.forget(dialled)
    else if (dialled !== undefined) dialer.met(dialled, wire.peerId)
    if (this.#isClosed || isSelf || this.#links.size >= MAX_LINKS || this.#isOfNoUse) return false
    if (dialled === undefined && this.#incomingFrom(host) >= MAX_INCOMING_PER_HOST) {
      this.#deps.onFlood(host)
      return false
    }
    const auth = this.#gate?.begin(wire, { host, isDialled: dialled !== undefined, hasSpoken }, (holder) => {
      if (this.#admit(wire, host, dialled, holder)) wire._sendExtendedHandshake()
      else wire.destroy()
      if (this.#met.has(wire)) this.open(wire)
    })
    if (this.#gate !== undefined && auth === undefined) return false
    boundMessages(wire, {
      pieceCount: this.#pieceCount,
      torrentBytes: this.#layer.torrent.length,
      onRefused: () => this.#deps.onFlood(host),
      auth,
      onMessage: () => {
        const link = this.#links.get(wire)
        if (link !== undefined) link.lastHeardAt = this.#deps.clock.now()
      },
    })
    return auth !== undefined || this.#admit(wire, host, dialled, undefined)
  }

  /** Makes a wire one of ours: the other side may be there, and nothing but handshakes was said. */
  #admit(wire: Wire, host: string, dialled: string | undefined, holder: Holder | undefined): boolean {
    const { clock, helloFor } = this.#deps
    // Others may have come while it proved who it is.
    if (this.#isClosed || this.#links.size >= MAX_LINKS || this.#isOfNoUse) return false
    if (!this.#settleDuplicate(wire, host, dialled, holder)) return false
    const link = new PeerLink({ wire, host, dialled, holder, now: clock.now() })
    link.uploads = this.#uploads.onWire(link)
    this.#links.set(wire, link)
    if (!this.#isRefused(link)) this.#downloads.add(link)
    wire.use(metadataExtension(this.#deps.metadata, () => this.#grants.mayHave(link)))
    const ownHello = helloFor(wire.peerId, holder?.name)
    const onHello = (hello: ShoalHello | undefined) => this.#onHello(link, hello)
    wire.use(shoalExtension(ownHello, onHello, (grant) => this.#onGrant(link, grant)))
    wire.once('close', () => this.#onGone(link))
    this.#listen(link)
    return true
  }

  /** Starts talking on a wire that {@link addWire} took, once our handshake is out and the other side is known. */
  open(wire: Wire): void {
    this.#met.add(wire)
    const link = this.#links.get(wire)
    if (link === undefined || link.isOpen || wire.destroyed) return
    wire.setTimeout(WIRE_TIMEOUT_MS, true)
    link.isOpen = true
    this.#sayPieces(link)
    // The same program on the other side tells more in a moment.
    if (!isShoal(link.peerId, this.#deps.own.peerId)) link.isKnown = true
    this.#onPieces(link, piecesOf(wire, this.#pieceCount))
    this.#openLane(link)
  }

  /** Says what is here, to who may have it; others are told when they show that they may. */
  #sayPieces(link: PeerLink): void {
    if (!this.#grants.mayHave(link)) return
    const { wire } = link
    const { have } = this.#downloads
    const { isGiving } = this.#deps.giving
    if (wire.hasFast && have.isFull && isGiving) wire.haveAll()
    else if (wire.hasFast && (have.isEmpty || !isGiving)) wire.haveNone()
    else wire.bitfield(isGiving ? have.toBytes() : new Bitfield(this.#pieceCount).toBytes())
    if (wire.peerInterested && isGiving) wire.unchoke()
  }

  #gives(link: PeerLink): boolean {
    return this.#deps.giving.isGiving && this.#grants.mayHave(link)
  }

  /** Bytes left a wire for its socket. */
  sent(wire: Wire, bytes: number): void {
    this.#links.get(wire)?.uploads?.sent(bytes)
  }

  /** The wire we have with who opens a lane. */
  linkOf({ peerId, host, nodeId }: LaneClientId): PeerLink | undefined {
    return [...this.#links.values()].find((known) => {
      const isThere = known.peerId === peerId && known.host === host
      return isThere && nodeId === (known.holder === undefined ? undefined : nodeIdOf(known.holder.name))
    })
  }

  /** How this layer is given on a lane to this daemon; `undefined` when it is not on a wire with us. */
  laneUpload(client: LaneClientId): LaneUploadFactory | undefined {
    const link = this.linkOf(client)
    if (link === undefined || this.#isClosed || link.laneUpload !== undefined) return undefined
    if (!this.#deps.giving.isGiving) return undefined
    if (!this.#grants.mayHave(link)) {
      this.#refuseUngranted(link, 'no-grant', 'lane')
      return undefined
    }
    // Each channel costs a bitfield at its end, and an origin's a table.
    if (this.#dropIfWasteful(link)) return undefined
    return this.#uploads.onLane(link, () => {
      // What went out on the lane last may not have arrived.
      if (link.isOpen && !link.isGone && !link.wire.destroyed) link.wire.bitfield(this.#downloads.have.toBytes())
    })
  }

  /** Looks again at what the store holds, after it dropped blocks that went bad on disk. */
  refresh(): void {
    if (!this.#downloads.refresh()) return
    this.#setFillTimer()
    // A HAVE cannot be taken back in BEP 3: peers meet us again with the pieces that are left.
    this.disconnect(() => true)
    // A complete layer has closed its wires to others that are.
    this.#deps.discovery()?.search()
    this.#dial()
  }

  /** Whether others are given anything has changed: they meet us again as what we are now. */
  onGiving(): void {
    this.disconnect(() => true)
    if (this.#deps.giving.isGiving) this.#deps.discovery()?.search()
    this.#dial()
  }

  /** From whom nothing is taken has changed: those whom it concerns meet us again. */
  onRefused(): void {
    this.disconnect((link) => this.#isRefused(link) !== (link.source === undefined))
    this.#dial()
  }

  /** Closes the wires for which `matches` holds. */
  disconnect(matches: (link: PeerLink) => boolean): void {
    for (const link of [...this.#links.values()]) if (matches(link)) this.#drop(link)
  }

  /** Closes the wires to a host, whoever is there. */
  disconnectHost(host: string): void {
    this.#gate?.drop(host)
    this.disconnect((link) => link.host === host)
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    clearInterval(this.#timer)
    clearInterval(this.#fillTimer)
    const stopped = this.#downloads.stop()
    this.#gate?.drop()
    this.disconnect(() => true)
    this.#uploads.close()
    await this.#deps.discovery()?.close()
    await stopped
    try {
      await this.#layer.flush()
    } catch (error) {
      // A full disk must not keep the layer from being left; the store flushes again by itself.
      this.#deps.logger.warn({ digest: this.digest, error }, 'layer is left without a last flush')
    }
  }

  /** The other side's first messages may come with its handshake, before we have said anything. */
  #listen(link: PeerLink): void {
    const { wire } = link
    const onPieces = () => {
      // A wire that was dropped may have many more of these in hand.
      if (!link.isGone) this.#onPieces(link, piecesOf(wire, this.#pieceCount))
    }
    wire.on('bitfield', onPieces)
    wire.on('have-all', onPieces)
    wire.on('have-none', onPieces)
    wire.on('have', (piece: number) => this.#onHave(link, piece))
    wire.on('unchoke', () => this.#onUnchoke(link))
    wire.on('choke', () => this.#onChoke(link))
    wire.on('interested', () => this.#onInterested(link))
    wire.on('cancel', (piece: number, offset: number, length: number) => link.uploads?.cancel(piece, offset, length))
    wire.on('request', (piece: number, offset: number, length: number, respond: UploadRequest['respond']) => {
      if (this.#gives(link)) link.uploads?.push({ piece, offset, length, respond })
      else respond(new Error('nothing is given'))
    })
  }

  /** Of two wires to one daemon, both ends keep the one that the smaller peer id opened. */
  #settleDuplicate(wire: Wire, host: string, dialled: string | undefined, holder: Holder | undefined): boolean {
    const other = [...this.#links.values()].find((link) => link.peerId === wire.peerId)
    if (other === undefined) return true
    // Peer ids are made by chance: one of another node's is taken from it.
    if (holder?.name !== other.holder?.name) return false
    const isOurs = dialled !== undefined
    const oursWins = this.#deps.own.peerId < wire.peerId
    const isReconnect = (other.dialled !== undefined) === isOurs
    // Anybody may claim anybody's peer id: that must not cost the one who has it its wire.
    if (isReconnect ? other.host !== host : isOurs !== oursWins) return false
    this.#drop(other)
    return true
  }

  #incomingFrom(host: string): number {
    let count = 0
    for (const link of this.#links.values()) if (link.host === host && link.dialled === undefined) count += 1
    return count
  }

  #onHello(link: PeerLink, hello: ShoalHello | undefined): void {
    if (link.isGone) return
    const refusal = link.holder === undefined ? undefined : misnamed(link.holder, hello)
    if (refusal !== undefined) {
      this.#refuse(link, refusal)
      return
    }
    link.hello = hello
    link.isKnown = true
    // Before anything is asked for.
    if (hello !== undefined) this.#grants.show(link)
    if (this.#isRefused(link)) {
      this.#downloads.remove(link)
      link.source = undefined
      return
    }
    this.#downloads.update(link)
    this.#openLane(link)
  }

  #onGrant(link: PeerLink, bytes: Uint8Array): void {
    if (link.isGone) return
    const hadNone = !this.#grants.mayHave(link)
    const refusal = this.#grants.take(link, bytes)
    if (refusal !== undefined) this.#refuseUngranted(link, refusal)
    else if (hadNone && link.isOpen) this.#sayPieces(link)
  }

  #onInterested(link: PeerLink): void {
    if (link.isGone) return
    if (!this.#grants.mayHave(link)) this.#refuseUngranted(link, 'no-grant')
    else if (link.isOpen && this.#deps.giving.isGiving) link.wire.unchoke()
  }

  /** Takes what we need of a Shoal daemon over a lane. */
  #openLane(link: PeerLink): void {
    const { peerId, host, hello } = link
    if (hello?.lane === undefined || this.isComplete || link.onLane !== undefined || !link.isOpen) return
    // With grants, once the other side has ours: lane and wire are two connections.
    if (link.source === undefined || (link.holder !== undefined && link.wire.peerChoking)) return
    const target = { peerId, host, ...hello.lane, wantsSealed: this.#deps.wantsSealed(hello) }
    if (!this.#deps.lanes.mayJoin(target)) return
    const { manifest } = this.#layer
    const layer = { infoHash: manifest.infoHash, geometry: manifest }
    this.#downloads.openLane(link, (events) => this.#deps.lanes.join(target, layer, events))
  }

  #onPieces(link: PeerLink, pieces: Bitfield): void {
    if (this.#dropIfWasteful(link) || link.source === undefined) return
    this.#downloads.setPieces(link, pieces)
    if (!link.isOpen || this.#dropIfUseless(link)) return
    this.#showInterest(link)
    this.#downloads.update(link)
  }

  #onHave(link: PeerLink, piece: number): void {
    // The library reads the number as signed, and takes any.
    if (link.isGone || link.source === undefined || piece < 0 || piece >= this.#pieceCount) return
    this.#downloads.addPiece(link, piece)
    if (!link.isOpen || this.#dropIfUseless(link) || this.#downloads.have.has(piece)) return
    this.#showInterest(link)
  }

  #onUnchoke(link: PeerLink): void {
    if (link.isGone || this.#dropIfWasteful(link)) return
    link.isStalled = false
    this.#downloads.update(link)
    this.#openLane(link)
  }

  #onChoke(link: PeerLink): void {
    if (!link.isGone) this.#downloads.update(link)
  }

  #onGone(link: PeerLink): void {
    if (!this.#links.delete(link.wire)) return
    link.isGone = true
    link.laneUpload?.close()
    this.#downloads.remove(link)
  }

  #drop(link: PeerLink): void {
    // First, because a wire that is destroyed tells of a choke.
    this.#onGone(link)
    link.wire.destroy()
  }

  /** Who is there is not, or no longer, one to talk with. */
  #refuse(link: PeerLink, reason: RefusalReason): void {
    this.#drop(link)
    const address = `${link.host}:${link.wire.remotePort ?? 0}`
    this.#deps.onRefused({ kind: 'wire', reason, address, node: link.holder?.name ?? null }, link)
  }

  /** Who is there is one of the cluster and not to have this layer: what it has of others goes on. */
  #refuseUngranted(link: PeerLink, reason: RefusalReason, kind: 'wire' | 'lane' = 'wire'): void {
    this.#drop(link)
    const address = `${link.host}:${link.wire.remotePort ?? 0}`
    this.#deps.onRefused({ kind, reason, address, node: link.holder?.name ?? null }, undefined)
  }

  /** Its grant has ended, and ours may have been renewed. */
  #checkGrants(link: PeerLink): void {
    if (link.isKnown && link.hello !== undefined && this.#grants.show(link)) this.#showInterest(link)
    if (link.grant?.hasEnded() !== true) return
    link.grant = undefined
    if (link.wire.peerInterested || link.laneUpload !== undefined) this.#refuseUngranted(link, 'grant-ended')
  }

  #dropIfWasteful(link: PeerLink): boolean {
    if (!this.#waste.isTooMuch(link)) return false
    this.#drop(link)
    return true
  }

  /** It takes nothing and gives nothing. */
  get #isOfNoUse(): boolean {
    return this.isComplete && !this.#deps.giving.isGiving
  }

  #isRefused({ host, hello, holder }: PeerLink): boolean {
    return this.#deps.giving.isRefused(host, holder?.name ?? hello?.node)
  }

  /** Two complete sides have nothing to say to each other. */
  #dropIfUseless(link: PeerLink): boolean {
    if (!this.isComplete || link.source?.pieces.isFull !== true) return false
    this.#drop(link)
    return true
  }

  #showInterest(link: PeerLink): void {
    if (this.isComplete || link.wire.amInterested || !this.#grants.mayTake) return
    // A Shoal daemon tells what it gets on the lane: it is to answer at once then.
    if (link.hello !== undefined || link.source?.pieces.count !== 0) link.wire.interested()
  }

  #onStored(piece: number): void {
    // Nobody is told of what he would not get.
    for (const link of this.#links.values()) if (this.#gives(link)) this.#uploads.have(link, piece)
    if (this.isComplete) void this.#finish()
  }

  async #finish(): Promise<void> {
    for (const link of [...this.#links.values()]) {
      this.#downloads.closeLane(link)
      if (this.#isOfNoUse) this.#drop(link)
      else if (!this.#dropIfUseless(link) && link.wire.amInterested) link.wire.uninterested()
    }
    try {
      await this.#layer.flush()
    } catch (error) {
      if (!this.#isClosed) this.#downloads.onStoreFailure(error)
    }
    if (this.#isClosed) return
    // A sync that failed, now or while the last pieces came, may have lost some: then it is not complete after all.
    if (this.#downloads.hasLost) return this.refresh()
    this.#deps.discovery()?.complete()
    this.#deps.onComplete()
  }

  /** A node may hold many layers, and what is complete is to cost nothing. */
  #setFillTimer(): void {
    if (!this.isComplete) this.#fillTimer ??= setInterval(() => this.#downloads.tick(), FILL_MS)
    else {
      clearInterval(this.#fillTimer)
      this.#fillTimer = undefined
    }
  }

  #tick(): void {
    if (this.#downloads.hasLost) this.refresh()
    this.#setFillTimer()
    for (const link of this.#downloads.checkStalls()) this.#drop(link)
    this.#gate?.check()
    const now = this.#deps.clock.now()
    for (const link of [...this.#links.values()]) {
      this.#waste.forgive(link)
      const lapsed = link.holder?.lapsed()
      if (lapsed !== undefined) this.#refuse(link, lapsed)
      else if (link.lastHeardAt < now - DEAD_MS) this.#drop(link)
      else if (!link.isKnown && link.metAt < now - HELLO_MS) this.#onHello(link, undefined)
      else {
        this.#checkGrants(link)
        this.#openLane(link)
      }
    }
    this.#dial()
  }

  #dial(): void {
    if (this.#isClosed || this.isComplete || !this.#grants.mayTake) return
    const links = [...this.#links.values()]
    this.#deps.dialer.dial(MAX_LINKS - links.length, (address, peerId) =>
      links.some((link) => link.dialled === address || (peerId !== undefined && link.peerId === peerId)),
    )
  }
}

/** What is wrong with what a node says it is, when we know who it is. */
function misnamed({ name, role }: Holder, hello: ShoalHello | undefined): RefusalReason | undefined {
  if (hello === undefined) return 'malformed'
  return hello.node === name && (hello.role === 'origin') === (role === 'seed') ? undefined : 'wrong-name'
}

/** Peer ids begin with the program's name and version (BEP 20), as hexadecimal digits here. */
function isShoal(peerId: string, ownPeerId: string): boolean {
  return peerId.slice(0, 6) === ownPeerId.slice(0, 6)
}

/** What the other side said it has, so far. */
function piecesOf(wire: Wire, pieceCount: number): Bitfield {
  const { peerPieces } = wire
  // The library keeps HAVE ALL (BEP 6) as an object without bits that says yes to everything.
  if (peerPieces.buffer.length > 0 || !peerPieces.get(0)) return new Bitfield(pieceCount, peerPieces.buffer)
  const pieces = new Bitfield(pieceCount)
  pieces.setAll()
  return pieces
}
