import { type Bitfield, type BlockBuffer, type Clock, type Logger, pieceSize, RateMeter, ShoalError } from '@shoal/core'
import { Arrivals } from './arrivals.ts'
import { Demands, type UnstoredBlock } from './demands.ts'
import { DownAdmission } from './down-admission.ts'
import type { FetchTurns } from './fetch-turns.ts'
import type { LaneChannel, LaneChannelEvents } from './lane/lane-channel.ts'
import { LaneTransport } from './lane-transport.ts'
import type { LayerTerms } from './layer-terms.ts'
import { OriginNeed } from './origin-need.ts'
import type { PeerLink } from './peer-link.ts'
import type { TransportEvents } from './piece-transport.ts'
import { PieceWriter } from './piece-writer.ts'
import { presentPieces } from './present-pieces.ts'
import { PieceScheduler } from './scheduler/piece-scheduler.ts'
import { PieceSet } from './scheduler/piece-set.ts'
import type { Priority } from './scheduler/priority.ts'
import type { Source, SourcePlace } from './scheduler/source.ts'
import { isSameRack, type SwarmPlace } from './shoal-extension.ts'
import { SourceHealth } from './source-health.ts'
import { StorePause } from './store-pause.ts'
import type { SwarmLayer } from './swarm-layer.ts'
import { WireTransport } from './wire-transport.ts'

/** What every BitTorrent client answers (BEP 3's common 2^14), what aria2 does, and what a Shoal daemon does. */
const FOREIGN_REQUEST_BYTES = 16 * 1024
const ARIA2_REQUEST_BYTES = 64 * 1024
const OWN_REQUEST_BYTES = 128 * 1024
/** How peer ids of these programs begin (BEP 20), as hexadecimal digits: "A2-" and "-TR". */
const ARIA2_PREFIX = '41322d'
const TRANSMISSION_PREFIX = '2d5452'
/** Transmission answers about twice a second what was asked of it until then. */
const TRANSMISSION_WINDOW_BYTES = 2 * 1024 * 1024

export interface DownloadsDeps {
  readonly clock: Clock
  readonly logger: Logger
  readonly random: () => number
  readonly layer: SwarmLayer
  readonly own: SwarmPlace & { readonly node: string }
  readonly turns: FetchTurns
  readonly terms: LayerTerms
  readonly links: () => Iterable<PeerLink>
  /** A piece is verified and written. */
  readonly onStored: (piece: number) => void
  readonly onBadBlock: (link: PeerLink, block: number) => void
  readonly onStoreError: (error: ShoalError) => void
}

/** What one layer's swarm asks of whom over which transport, and what arrived. Which piece of whom is {@link PieceScheduler}'s part. */
export class Downloads {
  /** Pieces present and verified here (not to be changed by the caller). */
  readonly have: Bitfield
  /** Where pieces came from, and why. */
  readonly arrivals: Arrivals
  readonly #deps: DownloadsDeps
  readonly #scheduler: PieceScheduler
  readonly #health: SourceHealth
  readonly #writer: PieceWriter<PeerLink>
  readonly #admission: DownAdmission
  readonly #need: OriginNeed
  readonly #pause: StorePause
  readonly #demands: Demands
  readonly #links = new Map<Source, PeerLink>()
  /** Lanes on which the origin chooses. */
  readonly #offers = new Map<Source, LaneTransport>()
  readonly #received: RateMeter
  #fromOriginBytes = 0
  #haveBytes = 0
  #isFillDue = false
  #isStopped = false

  constructor(deps: DownloadsDeps) {
    this.#deps = deps
    const { layer, clock, turns, terms, own, random } = deps
    const { manifest } = layer
    this.have = presentPieces(layer)
    for (const piece of this.have.ones()) this.#haveBytes += pieceSize(manifest, piece)
    this.#received = new RateMeter(clock)
    this.arrivals = new Arrivals(clock)
    this.#admission = new DownAdmission({
      turns,
      terms,
      onTurn: () => this.fill(),
      askedBytes: () => this.#scheduler.inFlightBytes,
      offeredBytes: () => this.#offeredBytes(),
    })
    this.#scheduler = new PieceScheduler(
      {
        ask: (source, piece, priority) => this.#ask(source, piece, priority),
        cancel: (source, piece) => this.#transport(source)?.cancel(piece),
        setOffers: (origin, pieces) => this.#offer(origin, pieces),
        admit: (bytes, priority, place) => this.#admission.admit(bytes, priority, place),
      },
      {
        node: own.node,
        pieceCount: this.have.length,
        pieceBytes: (piece) => pieceSize(manifest, piece),
        have: this.have,
        now: () => clock.now(),
        random,
      },
    )
    this.#setHead(terms)
    this.#scheduler.setRestWaits(terms.restWaits)
    this.#health = new SourceHealth(this.#scheduler)
    // What the origin may still choose it would send, paused or not.
    this.#need = new OriginNeed(clock, () => {
      return this.#admission.isPaused ? new PieceSet(this.have.length) : this.#scheduler.needOfOrigin()
    })
    this.#pause = new StorePause(clock)
    this.#demands = new Demands({ layer, clock, scheduler: this.#scheduler, onWanted: () => this.fill() })
    this.#writer = new PieceWriter(layer, {
      onWritten: (link, block) => {
        this.#demands.onStored(block)
        this.#health.onDelivered(link, clock.now())
      },
      onUnstored: (block, bytes) => this.#demands.onUnstored(block, bytes),
      onStored: (piece) => this.#onStored(piece),
      onDiscarded: (piece) => {
        this.#scheduler.onDiscarded(piece)
        this.fillSoon()
      },
      onBadBlock: (link, block) => !this.#isStopped && deps.onBadBlock(link, block),
      onStoreFailure: (error) => !this.#isStopped && this.onStoreFailure(error),
    })
  }

  /** Payload bytes that arrived, verified or not. */
  get stats(): { fromOriginBytes: number; fromPeersBytes: number; downBytesPerSecond: number } {
    return {
      fromOriginBytes: this.#fromOriginBytes,
      fromPeersBytes: this.#received.totalBytes - this.#fromOriginBytes,
      downBytesPerSecond: this.#received.bytesPerSecond(),
    }
  }

  /** Takes effect at once on what is asked for next. */
  setTerms(terms: LayerTerms): void {
    this.#setHead(terms)
    const isOther = this.#scheduler.setRestWaits(terms.restWaits)
    const wasPaused = this.#admission.isPaused
    this.#admission.setTerms(terms)
    if (this.#admission.isPaused === wasPaused && !isOther) return
    for (const source of this.#offers.keys()) this.#need.forget(source)
    this.fillSoon()
  }

  add(link: PeerLink): void {
    const source = this.#scheduler.addSource({ node: link.peerId, place: 'unknown' })
    link.source = source
    this.#links.set(source, link)
    const requestLengthBytes = () => (link.hello === undefined ? foreignRequestBytes(link.peerId) : OWN_REQUEST_BYTES)
    const { layer } = this.#deps
    link.onWire = new WireTransport({ layer, wire: link.wire, requestLengthBytes }, this.#eventsOf(link))
  }

  remove(link: PeerLink): void {
    const { source } = link
    if (source === undefined) return
    this.closeLane(link)
    link.onWire?.close()
    this.#scheduler.removeSource(source)
    this.#links.delete(source)
    this.fillSoon()
  }

  /** Who or what it is, or whether it answers, changed. */
  update(link: PeerLink): void {
    const { source, hello } = link
    if (source === undefined) return
    if (link.peerId.startsWith(TRANSMISSION_PREFIX)) source.leastWindowBytes = TRANSMISSION_WINDOW_BYTES
    this.#scheduler.place(source, this.#placeOf(link), hello?.node ?? link.peerId)
    this.#health.recall(link)
    this.#scheduler.setUsable(source, link.isUsable)
    this.fillSoon()
  }

  setPieces(link: PeerLink, pieces: Bitfield): void {
    if (link.source === undefined) return
    this.#scheduler.setPieces(link.source, new PieceSet(pieces.length, pieces))
    this.fillSoon()
  }

  addPiece(link: PeerLink, piece: number): void {
    if (link.source === undefined) return
    this.#scheduler.addPiece(link.source, piece)
    this.fillSoon()
  }

  /** Takes pieces over a lane from now on, until it is gone. */
  openLane(link: PeerLink, join: (events: LaneChannelEvents) => LaneChannel): void {
    const { source } = link
    if (source === undefined || this.#isStopped) return
    const transport = new LaneTransport(
      this.#deps.layer,
      {
        ...this.#eventsOf(link),
        onChosen: (piece) => this.#scheduler.onChosen(source, piece),
        onHave: (pieces) => {
          for (const piece of pieces) this.#scheduler.addPiece(source, piece)
          this.fillSoon()
        },
        onClose: () => {
          if (link.onLane === transport) this.closeLane(link)
        },
      },
      join,
    )
    link.onLane = transport
    source.canChoose = link.isOrigin
    if (link.isOrigin) this.#offers.set(source, transport)
    this.fillSoon()
  }

  /** Goes back to the wire. */
  closeLane(link: PeerLink): void {
    const { source, onLane } = link
    if (source === undefined || onLane === undefined) return
    link.onLane = undefined
    onLane.close()
    source.canChoose = false
    this.#offers.delete(source)
    this.#need.forget(source)
    this.#scheduler.release(source)
    this.fillSoon()
  }

  /** Asks for more at the end of this turn of the event loop: many events come at once. */
  fillSoon(): void {
    if (this.#isFillDue) return
    this.#isFillDue = true
    queueMicrotask(() => {
      this.#isFillDue = false
      this.fill()
    })
  }

  fill(): void {
    if (this.#isStopped || this.have.isFull) return
    // Somebody is given what he waits for even when it cannot be stored.
    if (this.#pause.isPaused) this.#scheduler.fillUrgent()
    else this.#scheduler.fill()
  }

  /** See {@link Demands.demand}. */
  demand(firstBlock: number, blocks: number, options: { signal: AbortSignal }): Promise<readonly UnstoredBlock[]> {
    return this.#demands.demand(firstBlock, blocks, options)
  }

  /** See {@link Demands.hint}. */
  hint(firstBlock: number, blocks: number): void {
    this.#demands.hint(firstBlock, blocks)
  }

  /** Looks again at what only time changes. Call it every 100 ms or so. */
  tick(): void {
    if (this.#isStopped || this.have.isFull) return
    this.#demands.tick()
    if (this.#pause.isPaused) this.#scheduler.fillUrgent()
    else this.#scheduler.tick()
  }

  /** Passes over sources that are silent too long, doubts those that are slow; returns those that are to be dropped. */
  checkStalls(): PeerLink[] {
    const now = this.#deps.clock.now()
    const dead: PeerLink[] = []
    for (const link of this.#deps.links()) {
      const wasStalled = link.isStalled
      if (this.#health.check(link, now)) dead.push(link)
      if (link.isStalled !== wasStalled) this.update(link)
    }
    return dead
  }

  /** Wants again what the store no longer holds; true when there was any. */
  refresh(): boolean {
    const { layer } = this.#deps
    const present = presentPieces(layer)
    const lost = [...this.have.ones()].filter((piece) => !present.has(piece))
    for (const piece of lost) {
      this.have.clear(piece)
      this.#haveBytes -= pieceSize(layer.manifest, piece)
      this.#scheduler.onLost(piece)
    }
    return lost.length > 0
  }

  /** Whether the store holds less than it took: it drops what a failed sync may have lost, and what verify finds bad. */
  get hasLost(): boolean {
    return this.#deps.layer.presentBytes < this.#haveBytes
  }

  /** Ends everything; resolves when no write is under way any more. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#demands.close()
    this.#admission.close()
    for (const link of [...this.#links.values()]) this.remove(link)
    await this.#writer.idle()
  }

  /** A write or flush failed for a reason of this machine's: asking pauses, longer each time. */
  onStoreFailure(error: unknown): void {
    if (!this.#pause.onFailure()) return
    if (error instanceof ShoalError) this.#deps.onStoreError(error)
    else this.#deps.logger.error({ digest: this.#deps.layer.manifest.digest, error }, 'piece could not be stored')
  }

  #placeOf({ hello }: PeerLink): SourcePlace {
    if (hello?.role === 'origin') return 'origin'
    const isSame = hello === undefined ? undefined : isSameRack(this.#deps.own, hello)
    if (isSame === undefined) return 'unknown'
    return isSame ? 'near' : 'far'
  }

  #transport(source: Source): WireTransport | LaneTransport | undefined {
    const link = this.#links.get(source)
    return link?.onLane ?? link?.onWire
  }

  #ask(source: Source, piece: number, priority: Priority): void {
    this.arrivals.asked(source, piece, priority)
    this.#transport(source)?.ask(piece, { isUrgent: priority === 'on-demand' })
  }

  #offer(origin: Source, pieces: number): void {
    const lane = this.#offers.get(origin)
    if (lane === undefined) return
    const { blockLengthBytes, pieceLengthBytes } = this.#deps.layer.manifest
    const need = this.#need.changed(origin)
    if (need !== undefined) lane.need(need)
    if (this.#need.isEmpty(origin)) return
    lane.offer(pieces * (pieceLengthBytes / blockLengthBytes), () => {
      const priority = this.#scheduler.isHeadWanted ? 'boot-profile' : 'plan'
      return this.#admission.admit(blockLengthBytes, priority, 'origin', { isOffer: true })
    })
  }

  #offeredBytes(): number {
    let blocks = 0
    for (const { offeredBlocks } of this.#offers.values()) blocks += offeredBlocks
    return blocks * this.#deps.layer.manifest.blockLengthBytes
  }

  #setHead({ bootBytes }: LayerTerms): void {
    this.#scheduler.setHead(Math.ceil(bootBytes / this.#deps.layer.manifest.pieceLengthBytes))
  }

  #eventsOf(link: PeerLink): TransportEvents {
    return {
      onBytes: (bytes) => this.#onBytes(link, bytes),
      onBlock: (block: number, buffer: BlockBuffer) => this.#writer.write(link, block, buffer),
      onWhole: (piece) => {
        this.#noteArrival(link, piece)
        if (link.source !== undefined) this.#scheduler.onReceived(link.source, piece)
        this.#writer.onWhole(piece)
        this.#admission.onFreed()
        this.fillSoon()
      },
      onRefused: (piece) => this.#onRefused(link, piece),
    }
  }

  #noteArrival({ source, hello, peerId, isOrigin }: PeerLink, piece: number): void {
    if (source === undefined) return
    const { node = peerId, zone = '', rack = '' } = hello ?? {}
    const bytes = pieceSize(this.#deps.layer.manifest, piece)
    this.arrivals.came(source, { node, zone, rack, isOrigin }, { piece, bytes })
  }

  #onBytes(link: PeerLink, bytes: number): void {
    this.#received.add(bytes)
    if (link.isOrigin) this.#fromOriginBytes += bytes
    const now = this.#deps.clock.now()
    this.#admission.onBytes(bytes, now)
    if (link.source !== undefined) link.source.lastDataAt = now
    link.stalls = 0
    if (!link.isStalled) return
    link.isStalled = false
    this.update(link)
  }

  #onRefused(link: PeerLink, piece: number): void {
    const { source } = link
    if (source === undefined) return
    this.#scheduler.onFailed(source, piece)
    this.#admission.onFreed()
    // A source that still answers and refuses a piece does not have it, whatever it said.
    if (link.isUsable) {
      link.refusals += 1
      this.#scheduler.dropPiece(source, piece)
    }
    this.fillSoon()
  }

  #onStored(piece: number): void {
    this.#pause.onSuccess()
    this.#scheduler.onStored(piece)
    if (this.have.set(piece)) {
      this.#haveBytes += pieceSize(this.#deps.layer.manifest, piece)
      this.#deps.onStored(piece)
    }
    this.fillSoon()
  }
}

function foreignRequestBytes(peerId: string): number {
  return peerId.startsWith(ARIA2_PREFIX) ? ARIA2_REQUEST_BYTES : FOREIGN_REQUEST_BYTES
}
