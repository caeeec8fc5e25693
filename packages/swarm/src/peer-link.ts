import type Wire from 'bittorrent-protocol'
import type { Holder, LayerGrant } from './auth/swarm-identity.ts'
import type { LaneUploadHandle } from './lane/lane-upload.ts'
import type { LaneTransport } from './lane-transport.ts'
import type { Source } from './scheduler/source.ts'
import type { ShoalHello } from './shoal-extension.ts'
import type { UploadQueue } from './upload-queue.ts'
import type { WireTransport } from './wire-transport.ts'

export interface PeerLinkInit {
  readonly wire: Wire
  readonly host: string
  /** `host:port` when we dialled it; `undefined` when it dialled us. */
  readonly dialled: string | undefined
  /** Who proved to be there; `undefined` where nobody has credentials. */
  readonly holder?: Holder | undefined
  readonly now: number
}

/** One wire of one layer: who is on it, and what it is to us in both directions. */
export class PeerLink {
  readonly wire: Wire
  readonly host: string
  readonly dialled: string | undefined
  readonly holder: Holder | undefined
  readonly peerId: string
  /** Answers what it asks for on the wire. */
  uploads: UploadQueue | undefined
  /** Answers what it asks for on its lane to us; `undefined` without one. */
  laneUpload: LaneUploadHandle | undefined
  /** What it is to the scheduler. */
  source: Source | undefined
  /** How pieces come from it. */
  onWire: WireTransport | undefined
  onLane: LaneTransport | undefined
  hello: ShoalHello | undefined
  /** By which it may have the layer, and by which it was shown that we may. */
  grant: LayerGrant | undefined
  shownGrant: Uint8Array | undefined
  /** Whether it said, or showed by saying nothing, who it is. */
  isKnown = false
  /** Whether it is passed over because it was silent, since when, and how often in a row it was. */
  isStalled = false
  stalledAt = 0
  stalls = 0
  /** How often it refused a piece that it said it has. */
  refusals = 0
  /** Pieces we went over of late because it choked, unchoked or said anew what it has. */
  passedPieces = 0
  /** Whether it was dropped. Its wire may still tell what came before it closed. */
  isGone = false
  /** Whether our handshake and bitfield are out, so that other messages may follow. */
  isOpen = false
  /** When its last message came, whatever it was. */
  lastHeardAt: number
  readonly metAt: number

  constructor({ wire, host, dialled, holder, now }: PeerLinkInit) {
    this.wire = wire
    this.host = host
    this.dialled = dialled
    this.holder = holder
    this.peerId = wire.peerId
    this.lastHeardAt = now
    this.metAt = now
  }

  get isOrigin(): boolean {
    return this.hello?.role === 'origin'
  }

  /** Whether it answers requests now. */
  get isUsable(): boolean {
    const isReachable = this.isOpen && this.isKnown && !this.isGone && !this.wire.destroyed
    return isReachable && !this.isStalled && !this.wire.peerChoking
  }
}
