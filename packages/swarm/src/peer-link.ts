import { Bitfield } from '@shoal/core'
import type Wire from 'bittorrent-protocol'
import type { PieceFetch } from './piece-fetch.ts'
import type { ShoalHello } from './shoal-extension.ts'
import { MAX_REQUEST_BYTES, type UploadQueue } from './upload-queue.ts'

/** What every BitTorrent client answers (BEP 3's common 2^14). */
const FOREIGN_REQUEST_BYTES = 16 * 1024

/** What one wire of one layer is to us: its pieces, its standing, what we asked it for. */
export class PeerLink {
  readonly wire: Wire
  readonly host: string
  /** `host:port` when we dialled it; `undefined` when it dialled us. */
  readonly dialled: string | undefined
  readonly uploads: UploadQueue
  readonly fetches = new Map<number, PieceFetch>()
  hello: ShoalHello | undefined
  pieces: Bitfield
  /** Whether its pieces are in the picker's counts: only a usable peer's are, and the origin's never. */
  isCounted = false
  isStalled = false
  /** Whether it let us down: it is asked, but not counted on, until it delivers in good time. */
  isDoubtful = false
  /** How often it refused a piece that it said it has. */
  refusals = 0
  /** Pieces we went over of late because it choked, unchoked or said anew what it has. */
  passedPieces = 0
  /** Whether it was dropped. Its wire may still tell what came before it closed. */
  isGone = false
  /** Whether our handshake and bitfield are out, so that other messages may follow. */
  isOpen = false
  lastDataAt: number
  /** When its last message came, whatever it was. */
  lastHeardAt: number

  constructor(init: {
    wire: Wire
    host: string
    dialled: string | undefined
    uploads: UploadQueue
    pieceCount: number
    now: number
  }) {
    this.wire = init.wire
    this.host = init.host
    this.dialled = init.dialled
    this.uploads = init.uploads
    this.pieces = new Bitfield(init.pieceCount)
    this.lastDataAt = init.now
    this.lastHeardAt = init.now
  }

  get isOrigin(): boolean {
    return this.hello?.role === 'origin'
  }

  /** Whether it answers requests now. */
  get isUsable(): boolean {
    return this.isOpen && !this.isGone && !this.wire.destroyed && !this.wire.peerChoking && !this.isStalled
  }

  /** Whether its next piece waits for the download limit: it is given no other until that one was asked for. */
  get isWaiting(): boolean {
    for (const fetch of this.fetches.values()) if (fetch.startedAt === undefined) return true
    return false
  }

  get requestLengthBytes(): number {
    return this.hello === undefined ? FOREIGN_REQUEST_BYTES : MAX_REQUEST_BYTES
  }

  get inFlightBytes(): number {
    let bytes = 0
    for (const fetch of this.fetches.values()) bytes += fetch.sizeBytes
    return bytes
  }
}
