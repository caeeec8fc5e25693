import {
  Bitfield,
  blocksOfPiece,
  type Clock,
  type Digest,
  errorCode,
  type Logger,
  pieceCount,
  pieceSize,
  ShoalError,
  type TokenBucket,
} from '@shoal/core'
import type { StoredLayer } from '@shoal/layer-store'
import type Wire from 'bittorrent-protocol'
import type { Dialer } from './dialer.ts'
import type { Discovery } from './discovery.ts'
import { PeerLink } from './peer-link.ts'
import { PieceFetch } from './piece-fetch.ts'
import { PiecePicker } from './piece-picker.ts'
import { RateMeter } from './rate-meter.ts'
import { type ShoalHello, shoalExtension } from './shoal-extension.ts'
import { UploadQueue, type UploadRequest } from './upload-queue.ts'

/** Bytes asked of one source and not yet received. More makes a VM's read wait and the last node late (bench/swarm). */
const MAX_IN_FLIGHT_BYTES = 512 * 1024
/** Bytes received and not yet verified and written, over all sources: asking stops above it. */
const MAX_UNWRITTEN_BYTES = 16 * 1024 * 1024
const MAX_LINKS = 60
const TICK_MS = 1000
/** A source that sends nothing for so long while asked is passed over, and then dropped. */
const STALL_MS = 10_000
const DROP_MS = 30_000
/** End game: a piece this late is asked of a second source; the origin is spared longer. */
const LATE_MS = 2000
const LATE_FOR_ORIGIN_MS = 4000
/** Wait after a failed write, doubled each time. */
const FIRST_STORE_RETRY_MS = 2000
const LAST_STORE_RETRY_MS = 60_000
/** BEP 3 messages other than `piece` and `bitfield` are tiny; those two are bounded by request and layer. */
const MAX_MESSAGE_SLACK_BYTES = 128 * 1024 + 1024

export interface LayerSwarmEvents {
  readonly onComplete: () => void
  readonly onBadBlock: (link: PeerLink, block: number) => void
  readonly onStoreError: (error: ShoalError) => void
}

export interface LayerSwarmDeps extends LayerSwarmEvents {
  readonly clock: Clock
  readonly logger: Logger
  readonly random: () => number
  readonly layer: StoredLayer
  readonly dialer: Dialer
  readonly own: ShoalHello & { readonly peerId: string }
  readonly upLimit: TokenBucket
  readonly downLimit: TokenBucket
  readonly discovery: () => Discovery | undefined
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
 * One layer's swarm as this daemon sees it: the single owner of who has what, what is asked of whom, and what
 * arrived. Everything that changes that state runs synchronously in one event.
 *
 * Choosing follows one rule before all others: the origin is asked only for what no usable peer has, so that
 * seed copies stay near one.
 */
export class LayerSwarm {
  readonly #deps: LayerSwarmDeps
  readonly #layer: StoredLayer
  readonly #picker: PiecePicker
  readonly #links = new Map<Wire, PeerLink>()
  /** How many sources each piece under way was asked of. */
  readonly #asked = new Map<number, number>()
  readonly #up: RateMeter
  readonly #down: RateMeter
  #fromOriginBytes = 0
  #unwrittenBytes = 0
  #pausedUntil = 0
  #storeFailures = 0
  #isComplete: boolean
  #isClosed = false
  readonly #timer: NodeJS.Timeout

  constructor(deps: LayerSwarmDeps) {
    this.#deps = deps
    this.#layer = deps.layer
    this.#picker = new PiecePicker(presentPieces(deps.layer), deps.random)
    this.#up = new RateMeter(deps.clock)
    this.#down = new RateMeter(deps.clock)
    this.#isComplete = this.#picker.have.isFull
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
  }

  get digest(): Digest {
    return this.#layer.manifest.digest
  }

  get isComplete(): boolean {
    return this.#isComplete
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
      fromOriginBytes: this.#fromOriginBytes,
      fromPeersBytes: this.#down.totalBytes - this.#fromOriginBytes,
      upBytesPerSecond: this.#up.rate(),
      downBytesPerSecond: this.#down.rate(),
    }
  }

  /** Takes over a wire after its handshake. `onSent` is to be called with the bytes that reach the socket. */
  addWire(wire: Wire, host: string, dialled: string | undefined): PeerLink | undefined {
    if (dialled !== undefined) this.#deps.dialer.met(dialled, wire.peerId)
    if (wire.peerId === this.#deps.own.peerId && dialled !== undefined) this.#deps.dialer.forget(dialled)
    if (this.#isClosed || wire.peerId === this.#deps.own.peerId || this.#links.size >= MAX_LINKS) return undefined
    if (!this.#settleDuplicate(wire, dialled)) return undefined
    const layer = this.#layer
    const uploads = new UploadQueue({
      wire,
      layer,
      limit: this.#deps.upLimit,
      onUpload: (bytes) => this.#up.add(bytes),
    })
    const now = this.#deps.clock.now()
    const link = new PeerLink({ wire, host, dialled, uploads, pieceCount: this.#picker.have.length, now })
    this.#links.set(wire, link)
    wire.use(shoalExtension(this.#deps.own, (hello) => this.#onHello(link, hello)))
    boundMessages(wire, MAX_MESSAGE_SLACK_BYTES + this.#picker.have.length / 8)
    wire.once('close', () => this.#onGone(link))
    this.#listen(link)
    return link
  }

  /** Starts talking on a wire that {@link addWire} took: our handshake is out. */
  attach(wire: Wire): void {
    const link = this.#links.get(wire)
    if (link === undefined || wire.destroyed) return
    const { have } = this.#picker
    if (wire.hasFast && have.isFull) wire.haveAll()
    else if (wire.hasFast && have.isEmpty) wire.haveNone()
    else wire.bitfield(have.toBytes())
    link.isOpen = true
    this.#onPieces(link, link.pieces)
  }

  /** Looks again at what the store holds, after it dropped blocks that went bad on disk. */
  refresh(): void {
    const present = presentPieces(this.#layer)
    for (const piece of this.#picker.have.ones()) {
      if (present.has(piece)) continue
      this.#picker.have.clear(piece)
      this.#picker.want(piece)
      this.#isComplete = false
    }
    // A HAVE cannot be taken back in BEP 3: peers meet us again with the pieces that are left.
    if (!this.#isComplete) this.disconnect(() => true)
    this.#tick()
  }

  /** Closes the wires for which `matches` holds. */
  disconnect(matches: (link: PeerLink) => boolean): void {
    for (const link of [...this.#links.values()]) {
      if (!matches(link)) continue
      link.wire.destroy()
      this.#onGone(link)
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    clearInterval(this.#timer)
    this.disconnect(() => true)
    await this.#deps.discovery()?.close()
    await this.#layer.flush()
  }

  /** The other side's first messages may come with its handshake, before we have said anything. */
  #listen(link: PeerLink): void {
    const { wire } = link
    // Our own stall rule comes first; this is the library's last resort.
    wire.setTimeout(DROP_MS * 2, true)
    wire.on('bitfield', () => this.#onPieces(link, copyBits(wire, this.#picker.have.length)))
    wire.on('have-all', () => this.#onPieces(link, fullBits(this.#picker.have.length)))
    wire.on('have-none', () => this.#onPieces(link, new Bitfield(this.#picker.have.length)))
    wire.on('have', (piece: number) => this.#onHave(link, piece))
    wire.on('unchoke', () => this.#onUsable(link))
    wire.on('choke', () => this.#onChoke(link))
    wire.once('interested', () => wire.unchoke())
    wire.on('cancel', (piece: number, offset: number, length: number) => link.uploads.cancel(piece, offset, length))
    wire.on('request', (piece: number, offset: number, length: number, respond: UploadRequest['respond']) =>
      link.uploads.push({ piece, offset, length, respond }),
    )
  }

  /** Of two wires to one daemon, both ends keep the one that the smaller peer id opened. */
  #settleDuplicate(wire: Wire, dialled: string | undefined): boolean {
    const { peerId } = this.#deps.own
    for (const other of this.#links.values()) {
      if (other.wire.peerId !== wire.peerId) continue
      const oursWins = peerId < wire.peerId
      const isOurs = dialled !== undefined
      const keepNew = (other.dialled !== undefined) === isOurs || isOurs === oursWins
      if (!keepNew) return false
      other.wire.destroy()
      this.#onGone(other)
    }
    return true
  }

  #onHello(link: PeerLink, hello: ShoalHello): void {
    this.#uncount(link)
    link.hello = hello
    this.#count(link)
    this.#fill(link)
  }

  #onPieces(link: PeerLink, pieces: Bitfield): void {
    this.#uncount(link)
    link.pieces = pieces
    this.#count(link)
    if (!link.isOpen) return
    if (this.#closeIfUseless(link)) return
    this.#showInterest(link)
    this.#fill(link)
  }

  #onHave(link: PeerLink, piece: number): void {
    if (piece >= link.pieces.length || !link.pieces.set(piece)) return
    if (link.isCounted) this.#picker.countPiece(piece, 1)
    if (this.#closeIfUseless(link)) return
    if (this.#picker.have.has(piece)) return
    this.#showInterest(link)
    this.#fill(link)
  }

  #onUsable(link: PeerLink): void {
    link.isStalled = false
    this.#count(link)
    this.#fill(link)
  }

  #onChoke(link: PeerLink): void {
    this.#uncount(link)
    this.#release(link)
  }

  #onGone(link: PeerLink): void {
    if (!this.#links.delete(link.wire)) return
    this.#uncount(link)
    this.#release(link)
    if (!this.#isClosed) this.#fillAll()
  }

  /** Two complete sides have nothing to say to each other. */
  #closeIfUseless(link: PeerLink): boolean {
    if (!this.#isComplete || !link.pieces.isFull) return false
    link.wire.destroy()
    this.#onGone(link)
    return true
  }

  #showInterest(link: PeerLink): void {
    if (!this.#isComplete && !link.wire.amInterested && !link.pieces.isEmpty) link.wire.interested()
  }

  #count(link: PeerLink): void {
    if (link.isCounted || link.isOrigin || !link.isUsable) return
    this.#picker.count(link.pieces, 1)
    link.isCounted = true
  }

  #uncount(link: PeerLink): void {
    if (!link.isCounted) return
    this.#picker.count(link.pieces, -1)
    link.isCounted = false
  }

  #fillAll(): void {
    for (const link of this.#links.values()) this.#fill(link)
  }

  /** Asks a source for pieces until enough is in flight or nothing is left to ask it for. */
  #fill(link: PeerLink): void {
    while (
      !this.#isClosed &&
      !this.#isComplete &&
      link.isUsable &&
      link.inFlightBytes < MAX_IN_FLIGHT_BYTES &&
      this.#unwrittenBytes < MAX_UNWRITTEN_BYTES &&
      this.#deps.clock.now() >= this.#pausedUntil
    ) {
      const piece = this.#choose(link)
      if (piece === undefined) return
      this.#ask(link, piece)
    }
  }

  #choose(link: PeerLink): number | undefined {
    const allowed = link.isOrigin ? (piece: number) => this.#picker.availability(piece) === 0 : undefined
    const piece = this.#picker.pick(link.pieces, allowed)
    return piece ?? (link.fetches.size === 0 ? this.#lateElsewhere(link) : undefined)
  }

  #lateElsewhere(link: PeerLink): number | undefined {
    const before = this.#deps.clock.now() - (link.isOrigin ? LATE_FOR_ORIGIN_MS : LATE_MS)
    for (const other of this.#links.values()) {
      for (const fetch of other.fetches.values()) {
        if (fetch.startedAt > before || this.#asked.get(fetch.piece) !== 1 || !link.pieces.has(fetch.piece)) continue
        return fetch.piece
      }
    }
    return undefined
  }

  #ask(link: PeerLink, piece: number): void {
    const { clock, downLimit } = this.#deps
    const sizeBytes = pieceSize(this.#layer.manifest, piece)
    this.#picker.unwant(piece)
    this.#asked.set(piece, (this.#asked.get(piece) ?? 0) + 1)
    if (link.fetches.size === 0) link.lastDataAt = clock.now()
    const fetch = new PieceFetch(
      {
        wire: link.wire,
        piece,
        sizeBytes,
        requestLengthBytes: link.requestLengthBytes,
        onBytes: (bytes) => this.#onBytes(link, bytes),
        onDone: (data) => void this.#onPiece(link, piece, data),
        onFail: () => this.#onFail(link, piece),
      },
      clock.now(),
    )
    link.fetches.set(piece, fetch)
    downLimit.take(sizeBytes).then(
      () => fetch.start(),
      () => this.#onFail(link, piece),
    )
  }

  #onBytes(link: PeerLink, bytes: number): void {
    link.lastDataAt = this.#deps.clock.now()
    if (link.isStalled) {
      link.isStalled = false
      this.#count(link)
    }
    this.#down.add(bytes)
    if (link.isOrigin) this.#fromOriginBytes += bytes
  }

  #onFail(link: PeerLink, piece: number): void {
    if (!link.fetches.delete(piece)) return
    this.#giveBack(piece)
  }

  async #onPiece(link: PeerLink, piece: number, data: Buffer): Promise<void> {
    link.fetches.delete(piece)
    // Before the await, so that the source is asked on while this piece is verified and written.
    this.#unwrittenBytes += data.length
    this.#fill(link)
    try {
      await this.#layer.writeBlocks(blocksOfPiece(this.#layer.manifest, piece).first, data)
      this.#onStored(piece)
    } catch (error) {
      this.#giveBack(piece)
      this.#onWriteError(link, error)
    } finally {
      this.#unwrittenBytes -= data.length
    }
    this.#fillAll()
  }

  #onStored(piece: number): void {
    this.#asked.delete(piece)
    this.#storeFailures = 0
    if (!this.#picker.have.set(piece)) return
    this.#picker.unwant(piece)
    for (const link of this.#links.values()) {
      const twin = link.fetches.get(piece)
      twin?.cancel()
      link.fetches.delete(piece)
      if (!link.pieces.has(piece)) link.wire.have(piece)
    }
    if (this.#picker.have.isFull) void this.#finish()
  }

  async #finish(): Promise<void> {
    this.#isComplete = true
    for (const link of [...this.#links.values()]) {
      if (!this.#closeIfUseless(link) && link.wire.amInterested) link.wire.uninterested()
    }
    try {
      await this.#layer.flush()
    } catch (error) {
      this.#onWriteError(undefined, error)
    }
    if (this.#isClosed) return
    this.#deps.discovery()?.complete()
    this.#deps.onComplete()
  }

  #onWriteError(link: PeerLink | undefined, error: unknown): void {
    if (link !== undefined && errorCode(error) === 'SHOAL_STORE_BLOCK_MISMATCH') {
      const block = error instanceof ShoalError ? Number(error.details.block) : -1
      this.#deps.onBadBlock(link, block)
      return
    }
    this.#pausedUntil =
      this.#deps.clock.now() + Math.min(LAST_STORE_RETRY_MS, FIRST_STORE_RETRY_MS * 2 ** this.#storeFailures)
    this.#storeFailures += 1
    if (error instanceof ShoalError) this.#deps.onStoreError(error)
    else this.#deps.logger.error({ digest: this.digest, err: error }, 'piece could not be stored')
  }

  /** Ends what a source was asked for; others may be asked instead. */
  #release(link: PeerLink): void {
    for (const [piece, fetch] of link.fetches) {
      fetch.cancel()
      this.#giveBack(piece)
    }
    link.fetches.clear()
  }

  #giveBack(piece: number): void {
    const left = (this.#asked.get(piece) ?? 1) - 1
    if (left > 0) {
      this.#asked.set(piece, left)
      return
    }
    this.#asked.delete(piece)
    this.#picker.want(piece)
  }

  #tick(): void {
    const now = this.#deps.clock.now()
    for (const link of [...this.#links.values()]) {
      const silentMs = link.fetches.size === 0 ? 0 : now - link.lastDataAt
      if (silentMs > DROP_MS) {
        link.wire.destroy()
        this.#onGone(link)
      } else if (silentMs > STALL_MS && !link.isStalled) {
        this.#uncount(link)
        link.isStalled = true
      }
    }
    this.#fillAll()
    this.#dial()
  }

  #dial(): void {
    if (this.#isClosed || this.#isComplete) return
    const links = [...this.#links.values()]
    this.#deps.dialer.dial(MAX_LINKS - links.length, (address, peerId) =>
      links.some((link) => link.dialled === address || (peerId !== undefined && link.wire.peerId === peerId)),
    )
  }
}

/** The pieces all of whose blocks are present. */
function presentPieces(layer: StoredLayer): Bitfield {
  const { manifest, present } = layer
  const pieces = new Bitfield(pieceCount(manifest))
  for (let piece = 0; piece < pieces.length; piece += 1) {
    const { first, end } = blocksOfPiece(manifest, piece)
    let block = first
    while (block < end && present.has(block)) block += 1
    if (block === end) pieces.set(piece)
  }
  return pieces
}

function copyBits(wire: Wire, length: number): Bitfield {
  return new Bitfield(length, wire.peerPieces.buffer)
}

function fullBits(length: number): Bitfield {
  const bits = new Bitfield(length)
  bits.setAll()
  return bits
}

/** The library takes messages of any length into memory; this closes a wire that announces too long a one. */
function boundMessages(wire: Wire, maxBytes: number): void {
  const original = wire._onMessageLength
  wire._onMessageLength = function onMessageLength(this: Wire, buffer: Uint8Array) {
    const length = new DataView(buffer.buffer, buffer.byteOffset, 4).getUint32(0)
    if (length > maxBytes) {
      wire.destroy()
      return
    }
    original.call(wire, buffer)
  }
}
