import {
  type Bitfield,
  blocksOfPiece,
  type Clock,
  errorCode,
  type Logger,
  pieceSize,
  RateMeter,
  ShoalError,
  type TokenBucket,
} from '@shoal/core'
import type { PeerLink } from './peer-link.ts'
import { PieceFetch } from './piece-fetch.ts'
import { PiecePicker } from './piece-picker.ts'
import { presentPieces } from './present-pieces.ts'
import type { SwarmLayer } from './swarm-layer.ts'

/** Bytes asked of one source and not yet received. More makes a VM's read wait and the last node late. */
const MAX_IN_FLIGHT_BYTES = 512 * 1024
/** Bytes received and not yet verified and written, over all sources: asking stops above it. */
const MAX_UNWRITTEN_BYTES = 16 * 1024 * 1024
/** A source that sends nothing for so long while asked is passed over, and then dropped. */
const STALL_MS = 10_000
const DROP_MS = 30_000
/** End game: a piece this late is asked of a second source; the origin is spared longer. */
const LATE_MS = 2000
const LATE_FOR_ORIGIN_MS = 4000
/** A source slower than this is asked on, but the origin is asked for its pieces as well. */
const SLOW_BYTES_PER_SECOND = 32 * 1024
/** A source that refused so many pieces that it said it has is dropped. */
const MAX_REFUSALS = 16
/** Hosts remembered for having let us down; the oldest gives way. */
const MAX_DOUBTFUL = 1000
/** Wait after a failed write, doubled each time. */
const FIRST_STORE_RETRY_MS = 2000
const LAST_STORE_RETRY_MS = 60_000

export interface DownloadsDeps {
  readonly clock: Clock
  readonly logger: Logger
  readonly random: () => number
  readonly layer: SwarmLayer
  readonly limit: TokenBucket
  readonly links: () => Iterable<PeerLink>
  /** A piece is verified and written. */
  readonly onStored: (piece: number) => void
  readonly onBadBlock: (link: PeerLink, block: number) => void
  readonly onStoreError: (error: ShoalError) => void
}

/**
 * What one layer's swarm asks of whom, and what arrived. One rule stands before all others: the origin is asked
 * only for what no usable peer has, so that seed copies stay near one.
 */
export class Downloads {
  readonly #deps: DownloadsDeps
  readonly #picker: PiecePicker
  /** How many sources each piece under way was asked of. */
  readonly #asked = new Map<number, number>()
  readonly #received: RateMeter
  /** Hosts that let us down; a new connection does not clear them. */
  readonly #doubtful = new Set<string>()
  readonly #writes = new Set<Promise<void>>()
  #fromOriginBytes = 0
  #haveBytes = 0
  #unwrittenBytes = 0
  #pausedUntil = 0
  #storeFailures = 0
  #isStopped = false

  constructor(deps: DownloadsDeps) {
    this.#deps = deps
    this.#picker = new PiecePicker(presentPieces(deps.layer), deps.random)
    this.#received = new RateMeter(deps.clock)
    for (const piece of this.have.ones()) this.#haveBytes += pieceSize(deps.layer.manifest, piece)
  }

  /** Pieces present and verified here (not to be changed by the caller). */
  get have(): Bitfield {
    return this.#picker.have
  }

  /** Payload bytes that arrived, verified or not. */
  get stats(): { fromOriginBytes: number; fromPeersBytes: number; downBytesPerSecond: number } {
    return {
      fromOriginBytes: this.#fromOriginBytes,
      fromPeersBytes: this.#received.totalBytes - this.#fromOriginBytes,
      downBytesPerSecond: this.#received.bytesPerSecond(),
    }
  }

  /**
   * Counts a usable peer's pieces as available. The origin's never count: availability means "without the origin". Nor do those
   * of a peer that let us down: what only it has would never arrive.
   */
  count(link: PeerLink): void {
    if (this.#doubtful.has(link.host)) link.isDoubtful = true
    if (link.isCounted || link.isOrigin || link.isDoubtful || !link.isUsable) return
    this.#picker.count(link.pieces, 1)
    link.isCounted = true
  }

  uncount(link: PeerLink): void {
    if (!link.isCounted) return
    this.#picker.count(link.pieces, -1)
    link.isCounted = false
  }

  /** A link got one more piece. */
  countPiece(link: PeerLink, piece: number): void {
    if (link.isCounted) this.#picker.countPiece(piece, 1)
  }

  fillAll(): void {
    for (const link of this.#deps.links()) this.fill(link)
  }

  /** Asks a source for pieces until enough is in flight or nothing is left to ask it for. */
  fill(link: PeerLink): void {
    while (
      !this.#isStopped &&
      !this.have.isFull &&
      link.isUsable &&
      !link.isWaiting &&
      link.inFlightBytes < MAX_IN_FLIGHT_BYTES &&
      this.#unwrittenBytes < MAX_UNWRITTEN_BYTES &&
      this.#deps.clock.now() >= this.#pausedUntil
    ) {
      const piece = this.#choose(link)
      if (piece === undefined) return
      this.#ask(link, piece)
    }
  }

  /** Ends what a source was asked for; others may be asked instead. */
  release(link: PeerLink): void {
    for (const [piece, fetch] of link.fetches) {
      fetch.cancel()
      this.#giveBack(piece)
    }
    link.fetches.clear()
  }

  /** Passes over sources that are silent too long, doubts those that are slow; returns those that are to be dropped. */
  checkStalls(): PeerLink[] {
    const now = this.#deps.clock.now()
    const dead: PeerLink[] = []
    for (const link of this.#deps.links()) {
      const isAsked = [...link.fetches.values()].some(({ startedAt }) => startedAt !== undefined)
      const silentMs = isAsked ? now - link.lastDataAt : 0
      if (silentMs > DROP_MS || link.refusals > MAX_REFUSALS) dead.push(link)
      if (silentMs > STALL_MS) link.isStalled = true
      if (silentMs > STALL_MS || link.refusals > MAX_REFUSALS || this.#isSlow(link, now)) this.#doubt(link)
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
      this.#picker.want(piece)
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
    for (const link of this.#deps.links()) this.release(link)
    await Promise.all(this.#writes)
  }

  /** A write or flush failed for a reason of this machine's: asking pauses, longer each time. */
  onStoreFailure(error: unknown): void {
    // One full disk fails every write under way: that is one failure, told once.
    if (this.#deps.clock.now() < this.#pausedUntil) return
    const waitMs = Math.min(LAST_STORE_RETRY_MS, FIRST_STORE_RETRY_MS * 2 ** this.#storeFailures)
    this.#pausedUntil = this.#deps.clock.now() + waitMs
    this.#storeFailures += 1
    if (error instanceof ShoalError) this.#deps.onStoreError(error)
    else this.#deps.logger.error({ digest: this.#deps.layer.manifest.digest, error }, 'piece could not be stored')
  }

  #choose(link: PeerLink): number | undefined {
    const allowed = link.isOrigin ? (piece: number) => this.#picker.availability(piece) === 0 : undefined
    const piece = this.#picker.pick(link.pieces, allowed)
    return piece ?? (link.fetches.size === 0 ? this.#lateElsewhere(link) : undefined)
  }

  #lateElsewhere(link: PeerLink): number | undefined {
    const before = this.#deps.clock.now() - (link.isOrigin ? LATE_FOR_ORIGIN_MS : LATE_MS)
    for (const other of this.#deps.links()) {
      for (const fetch of other.fetches.values()) {
        const isLate = fetch.startedAt !== undefined && fetch.startedAt <= before
        if (isLate && this.#asked.get(fetch.piece) === 1 && link.pieces.has(fetch.piece)) return fetch.piece
      }
    }
    return undefined
  }

  #ask(link: PeerLink, piece: number): void {
    const { clock, limit, layer } = this.#deps
    const sizeBytes = pieceSize(layer.manifest, piece)
    this.#picker.unwant(piece)
    this.#asked.set(piece, (this.#asked.get(piece) ?? 0) + 1)
    const fetch = new PieceFetch({
      wire: link.wire,
      piece,
      sizeBytes,
      requestLengthBytes: link.requestLengthBytes,
      onBytes: (bytes) => this.#onBytes(link, bytes),
      onDone: (data) => this.#onPiece(link, fetch, data),
      onFail: () => this.#onFail(link, piece),
    })
    link.fetches.set(piece, fetch)
    // What ends while it waits uses nothing of the limit.
    limit.take(sizeBytes, { signal: fetch.signal }).then(
      () => {
        if (link.fetches.size === 1) link.lastDataAt = clock.now()
        fetch.start(clock.now())
        this.fill(link)
      },
      () => {},
    )
  }

  /** Whether a piece takes this source longer than it would at the least acceptable rate. */
  #isSlow(link: PeerLink, now: number): boolean {
    for (const { startedAt = now, sizeBytes } of link.fetches.values()) {
      const patienceMs = (Math.max(sizeBytes, MAX_IN_FLIGHT_BYTES) * 1000) / SLOW_BYTES_PER_SECOND
      if (now - startedAt > patienceMs) return true
    }
    return false
  }

  /** No longer counts on a source: what it has may be asked of the origin. */
  #doubt(link: PeerLink): void {
    this.uncount(link)
    link.isDoubtful = true
    this.#doubtful.delete(link.host)
    this.#doubtful.add(link.host)
    const [oldest] = this.#doubtful
    if (this.#doubtful.size > MAX_DOUBTFUL && oldest !== undefined) this.#doubtful.delete(oldest)
  }

  /** It delivered in good time. */
  #trust(link: PeerLink): void {
    if (!link.isDoubtful || this.#isSlow(link, this.#deps.clock.now())) return
    this.#doubtful.delete(link.host)
    link.isDoubtful = false
    this.count(link)
  }

  #onBytes(link: PeerLink, bytes: number): void {
    link.lastDataAt = this.#deps.clock.now()
    if (link.isStalled) {
      link.isStalled = false
      this.count(link)
    }
    this.#received.add(bytes)
    if (link.isOrigin) this.#fromOriginBytes += bytes
  }

  #onFail(link: PeerLink, piece: number): void {
    if (!link.fetches.delete(piece)) return
    this.#giveBack(piece)
    // A source that still answers and refuses a piece does not have it, whatever it said.
    if (!link.isUsable || !link.pieces.clear(piece)) return
    if (link.isCounted) this.#picker.countPiece(piece, -1)
    link.refusals += 1
  }

  #onPiece(link: PeerLink, fetch: PieceFetch, data: Buffer): void {
    const { piece } = fetch
    link.fetches.delete(piece)
    // Before the write, so that the source is asked on while this piece is verified and written.
    this.#unwrittenBytes += data.length
    this.fill(link)
    const write = this.#write(link, piece, data).then(() => {
      this.#writes.delete(write)
      this.fillAll()
    })
    this.#writes.add(write)
  }

  async #write(link: PeerLink, piece: number, data: Buffer): Promise<void> {
    try {
      await this.#deps.layer.writeBlocks(blocksOfPiece(this.#deps.layer.manifest, piece).first, data)
      this.#trust(link)
      this.#onStored(piece)
    } catch (error) {
      this.#giveBack(piece)
      // The layer may be on its way out of the store: what it says then is no failure.
      if (!this.#isStopped) this.#onWriteError(link, error)
    } finally {
      this.#unwrittenBytes -= data.length
    }
  }

  #onStored(piece: number): void {
    this.#asked.delete(piece)
    this.#storeFailures = 0
    if (!this.have.set(piece)) return
    this.#haveBytes += pieceSize(this.#deps.layer.manifest, piece)
    this.#picker.unwant(piece)
    for (const link of this.#deps.links()) {
      link.fetches.get(piece)?.cancel()
      link.fetches.delete(piece)
    }
    this.#deps.onStored(piece)
  }

  #onWriteError(link: PeerLink, error: unknown): void {
    if (errorCode(error) !== 'SHOAL_STORE_BLOCK_MISMATCH') this.onStoreFailure(error)
    else this.#deps.onBadBlock(link, error instanceof ShoalError ? Number(error.details.block) : -1)
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
}
