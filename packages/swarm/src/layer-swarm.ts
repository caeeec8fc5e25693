import {
  Bitfield,
  type Clock,
  type Digest,
  type Logger,
  pieceCount,
  RateMeter,
  type ShoalError,
  type TokenBucket,
} from '@shoal/core'
import type Wire from 'bittorrent-protocol'
import { boundMessages } from './bound-messages.ts'
import type { Dialer } from './dialer.ts'
import type { Discovery } from './discovery.ts'
import { Downloads } from './downloads.ts'
import { PeerLink } from './peer-link.ts'
import { type ShoalHello, shoalExtension } from './shoal-extension.ts'
import type { SwarmLayer } from './swarm-layer.ts'
import { UploadQueue, type UploadRequest } from './upload-queue.ts'

const MAX_LINKS = 60
/** Connections that one host may open to one layer: more would let it take every place. */
const MAX_INCOMING_PER_HOST = 10
/** A wire that says nothing for so long is dead: clients send a keep-alive every two minutes (BEP 3). */
const DEAD_MS = 5 * 60_000
/**
 * Each choke, unchoke and bitfield costs a pass over all pieces. A wire that makes us go over more than this wastes our time;
 * aria2 is honest and sends a bitfield in place of a few HAVEs.
 */
const MAX_PASSED_PIECES = 2_000_000
const PASSED_PIECES_PER_TICK = 500_000
const PASS_COST_PIECES = 1000
const TICK_MS = 1000
/** webtorrent's own last resort for a request; our stall rule comes long before. */
const WIRE_TIMEOUT_MS = 60_000

export interface LayerSwarmDeps {
  readonly clock: Clock
  readonly logger: Logger
  readonly random: () => number
  readonly layer: SwarmLayer
  readonly dialer: Dialer
  readonly own: ShoalHello & { readonly peerId: string }
  readonly upLimit: TokenBucket
  readonly downLimit: TokenBucket
  readonly discovery: () => Discovery | undefined
  readonly onComplete: () => void
  readonly onBadBlock: (link: PeerLink, block: number) => void
  readonly onStoreError: (error: ShoalError) => void
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
  readonly #links = new Map<Wire, PeerLink>()
  readonly #up: RateMeter
  readonly #timer: NodeJS.Timeout
  #isClosed = false

  constructor(deps: LayerSwarmDeps) {
    this.#deps = deps
    this.#layer = deps.layer
    this.#pieceCount = pieceCount(deps.layer.manifest)
    this.#up = new RateMeter(deps.clock)
    this.#downloads = new Downloads({
      clock: deps.clock,
      logger: deps.logger,
      random: deps.random,
      layer: deps.layer,
      limit: deps.downLimit,
      links: () => this.#links.values(),
      onStored: (piece) => this.#onStored(piece),
      onBadBlock: deps.onBadBlock,
      onStoreError: deps.onStoreError,
    })
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
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

  /** Names addresses (`host:port`) where this layer may be found. */
  addPeers(addresses: readonly string[]): void {
    this.#deps.dialer.add(addresses)
    this.#dial()
  }

  stats(): LayerSwarmStats {
    return {
      peers: this.#links.size,
      uploadedBytes: this.#up.totalBytes,
      upBytesPerSecond: this.#up.bytesPerSecond(),
      ...this.#downloads.stats,
    }
  }

  /** Takes a wire over at its handshake; `undefined` when it is not wanted. */
  addWire(wire: Wire, host: string, dialled: string | undefined): PeerLink | undefined {
    const { own, dialer, clock, upLimit } = this.#deps
    const isSelf = wire.peerId === own.peerId
    if (dialled !== undefined && isSelf) dialer.forget(dialled)
    else if (dialled !== undefined) dialer.met(dialled, wire.peerId)
    if (this.#isClosed || isSelf || this.#links.size >= MAX_LINKS) return undefined
    if (dialled === undefined && this.#incomingFrom(host) >= MAX_INCOMING_PER_HOST) return undefined
    if (!this.#settleDuplicate(wire, host, dialled)) return undefined
    const uploads = new UploadQueue({
      wire,
      layer: this.#layer,
      limit: upLimit,
      onUpload: (bytes) => this.#up.add(bytes),
    })
    const link = new PeerLink({ wire, host, dialled, uploads, pieceCount: this.#pieceCount, now: clock.now() })
    this.#links.set(wire, link)
    wire.use(shoalExtension(own, (hello) => this.#onHello(link, hello)))
    boundMessages(wire, {
      pieceCount: this.#pieceCount,
      torrentBytes: this.#layer.torrent.length,
      onMessage: () => {
        link.lastHeardAt = clock.now()
      },
    })
    wire.once('close', () => this.#onGone(link))
    this.#listen(link)
    return link
  }

  /** Starts talking on a wire that {@link addWire} took: our handshake is out. */
  open(wire: Wire): void {
    const link = this.#links.get(wire)
    if (link === undefined || wire.destroyed) return
    wire.setTimeout(WIRE_TIMEOUT_MS, true)
    const { have } = this.#downloads
    if (wire.hasFast && have.isFull) wire.haveAll()
    else if (wire.hasFast && have.isEmpty) wire.haveNone()
    else wire.bitfield(have.toBytes())
    link.isOpen = true
    if (wire.peerInterested) wire.unchoke()
    this.#onPieces(link, piecesOf(wire, this.#pieceCount))
  }

  /** Looks again at what the store holds, after it dropped blocks that went bad on disk. */
  refresh(): void {
    if (!this.#downloads.refresh()) return
    // A HAVE cannot be taken back in BEP 3: peers meet us again with the pieces that are left.
    this.disconnect(() => true)
    // A complete layer has closed its wires to others that are.
    this.#deps.discovery()?.search()
    this.#dial()
  }

  /** Closes the wires for which `matches` holds. */
  disconnect(matches: (link: PeerLink) => boolean): void {
    for (const link of [...this.#links.values()]) if (matches(link)) this.#drop(link)
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    clearInterval(this.#timer)
    const stopped = this.#downloads.stop()
    this.disconnect(() => true)
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
    wire.on('unchoke', () => this.#onUsable(link))
    wire.on('choke', () => this.#onChoke(link))
    wire.on('interested', () => link.isOpen && wire.unchoke())
    wire.on('cancel', (piece: number, offset: number, length: number) => link.uploads.cancel(piece, offset, length))
    wire.on('request', (piece: number, offset: number, length: number, respond: UploadRequest['respond']) =>
      link.uploads.push({ piece, offset, length, respond }),
    )
  }

  /** Of two wires to one daemon, both ends keep the one that the smaller peer id opened. */
  #settleDuplicate(wire: Wire, host: string, dialled: string | undefined): boolean {
    const other = [...this.#links.values()].find((link) => link.wire.peerId === wire.peerId)
    if (other === undefined) return true
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

  #onHello(link: PeerLink, hello: ShoalHello): void {
    if (link.isGone) return
    this.#downloads.uncount(link)
    link.hello = hello
    this.#downloads.count(link)
    this.#downloads.fill(link)
  }

  #onPieces(link: PeerLink, pieces: Bitfield): void {
    if (this.#dropIfWasteful(link)) return
    this.#downloads.uncount(link)
    link.pieces = pieces
    this.#downloads.count(link)
    if (!link.isOpen || this.#dropIfUseless(link)) return
    this.#showInterest(link)
    this.#downloads.fill(link)
  }

  #onHave(link: PeerLink, piece: number): void {
    // The library reads the number as signed, and takes any.
    if (link.isGone || piece < 0 || piece >= this.#pieceCount || !link.pieces.set(piece)) return
    this.#downloads.countPiece(link, piece)
    if (!link.isOpen || this.#dropIfUseless(link) || this.#downloads.have.has(piece)) return
    this.#showInterest(link)
    this.#downloads.fill(link)
  }

  #onUsable(link: PeerLink): void {
    if (link.isGone || this.#dropIfWasteful(link)) return
    link.isStalled = false
    this.#downloads.count(link)
    this.#downloads.fill(link)
  }

  #onChoke(link: PeerLink): void {
    if (link.isGone) return
    this.#downloads.uncount(link)
    this.#downloads.release(link)
    // What only it had may be asked of the origin now.
    this.#downloads.fillAll()
  }

  #onGone(link: PeerLink): void {
    if (!this.#links.delete(link.wire)) return
    link.isGone = true
    this.#downloads.uncount(link)
    this.#downloads.release(link)
    if (!this.#isClosed) this.#downloads.fillAll()
  }

  #drop(link: PeerLink): void {
    // First, because a wire that is destroyed tells of a choke.
    this.#onGone(link)
    link.wire.destroy()
  }

  #dropIfWasteful(link: PeerLink): boolean {
    link.passedPieces += this.#pieceCount + PASS_COST_PIECES
    if (link.passedPieces <= MAX_PASSED_PIECES) return false
    this.#drop(link)
    return true
  }

  /** Two complete sides have nothing to say to each other. */
  #dropIfUseless(link: PeerLink): boolean {
    if (!this.isComplete || !link.pieces.isFull) return false
    this.#drop(link)
    return true
  }

  #showInterest(link: PeerLink): void {
    if (!this.isComplete && !link.wire.amInterested && !link.pieces.isEmpty) link.wire.interested()
  }

  #onStored(piece: number): void {
    for (const link of this.#links.values()) if (link.isOpen && !link.pieces.has(piece)) link.wire.have(piece)
    if (this.isComplete) void this.#finish()
  }

  async #finish(): Promise<void> {
    for (const link of [...this.#links.values()]) {
      if (!this.#dropIfUseless(link) && link.wire.amInterested) link.wire.uninterested()
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

  #tick(): void {
    if (this.#downloads.hasLost) this.refresh()
    for (const link of this.#downloads.checkStalls()) this.#drop(link)
    const deadBefore = this.#deps.clock.now() - DEAD_MS
    for (const link of [...this.#links.values()]) {
      link.passedPieces = Math.max(0, link.passedPieces - PASSED_PIECES_PER_TICK)
      if (link.lastHeardAt < deadBefore) this.#drop(link)
    }
    this.#downloads.fillAll()
    this.#dial()
  }

  #dial(): void {
    if (this.#isClosed || this.isComplete) return
    const links = [...this.#links.values()]
    this.#deps.dialer.dial(MAX_LINKS - links.length, (address, peerId) =>
      links.some((link) => link.dialled === address || (peerId !== undefined && link.wire.peerId === peerId)),
    )
  }
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
