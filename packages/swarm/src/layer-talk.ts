import { Bitfield, type Clock } from '@shoal/core'
import type Wire from 'bittorrent-protocol'
import type { Holder, RefusalReason } from './auth/swarm-identity.ts'
import type { WireGrants } from './auth/wire-grants.ts'
import type { Downloads } from './downloads.ts'
import type { Giving } from './giving.ts'
import type { LaneUploadFactory } from './lane/lane-upload.ts'
import type { LanePool } from './lane-pool.ts'
import type { LayerMembers } from './layer-members.ts'
import type { LayerUploads } from './layer-uploads.ts'
import { metadataExtension } from './metadata-extension.ts'
import type { PeerLink } from './peer-link.ts'
import { type ShoalHello, type SwarmPlace, shoalExtension } from './shoal-extension.ts'
import type { SwarmLayer } from './swarm-layer.ts'
import type { UploadRequest } from './upload-queue.ts'
import { WasteGuard } from './waste-guard.ts'

/** A wire whose peer id is a Shoal daemon's is asked for nothing before it said more, but no longer than this. */
const HELLO_MS = 2000

export interface LayerTalkDeps {
  readonly clock: Clock
  readonly layer: SwarmLayer
  /** The bencoded `info` of its torrent. */
  readonly metadata: Uint8Array
  readonly ownPeerId: string
  readonly members: LayerMembers
  readonly downloads: Downloads
  readonly uploads: LayerUploads
  readonly grants: WireGrants
  readonly giving: Pick<Giving, 'isGiving' | 'isRefused'>
  readonly lanes: LanePool
  /** What a peer is told of us: with the token for its lane. */
  readonly helloFor: (peerId: string, node: string | undefined) => ShoalHello
  /** Whether what goes over lanes with this daemon is to be encrypted. */
  readonly wantsSealed: (other: SwarmPlace) => boolean
}

/** What is said on the wires of one layer: who is there, who may have the layer, who has what of it, and what of that moves to a lane. */
export class LayerTalk {
  readonly #deps: LayerTalkDeps
  readonly #waste: WasteGuard

  constructor(deps: LayerTalkDeps) {
    this.#deps = deps
    this.#waste = new WasteGuard(this.#pieceCount)
  }

  get #have(): Bitfield {
    return this.#deps.downloads.have
  }

  get #pieceCount(): number {
    return this.#have.length
  }

  /** Somebody was let in. */
  begin(link: PeerLink): void {
    const { uploads, downloads, grants, metadata, helloFor } = this.#deps
    const { wire } = link
    link.uploads = uploads.onWire(link)
    if (!this.isRefused(link)) downloads.add(link)
    wire.use(metadataExtension(metadata, () => grants.mayHave(link)))
    const onHello = (hello: ShoalHello | undefined) => this.#onHello(link, hello)
    wire.use(shoalExtension(helloFor(wire.peerId, link.holder?.name), onHello, (grant) => this.#onGrant(link, grant)))
    this.#listen(link)
  }

  /** Messages may follow on its wire. */
  open(link: PeerLink): void {
    this.#sayPieces(link)
    // The same program on the other side tells more in a moment.
    if (!isShoal(link.peerId, this.#deps.ownPeerId)) link.isKnown = true
    this.#onPieces(link, piecesOf(link.wire, this.#pieceCount))
    this.#openLane(link)
  }

  /** Called every second, for each that is there. */
  check(link: PeerLink): void {
    this.#waste.forgive(link)
    if (!link.isKnown && link.metAt < this.#deps.clock.now() - HELLO_MS) this.#onHello(link, undefined)
    else {
      this.#checkGrants(link)
      this.#openLane(link)
    }
  }

  /** Whether it is told of what we have and given what it asks for. */
  gives(link: PeerLink): boolean {
    return this.#deps.giving.isGiving && this.#deps.grants.mayHave(link)
  }

  /** Whether nothing is taken from it. */
  isRefused({ host, hello, holder }: PeerLink): boolean {
    return this.#deps.giving.isRefused(host, holder?.name ?? hello?.node)
  }

  /** How the layer is given on a lane of its; `undefined` when it is not. */
  laneUpload(link: PeerLink): LaneUploadFactory | undefined {
    const { giving, grants, members, uploads } = this.#deps
    if (link.laneUpload !== undefined || !giving.isGiving) return undefined
    if (!grants.mayHave(link)) {
      members.refuseLayer(link, 'no-grant', 'lane')
      return undefined
    }
    // Each channel costs a bitfield at its end, and an origin's a table.
    if (this.#dropIfWasteful(link)) return undefined
    return uploads.onLane(link, () => {
      // What went out on the lane last may not have arrived.
      if (link.isOpen && !link.isGone && !link.wire.destroyed) link.wire.bitfield(this.#have.toBytes())
    })
  }

  /** The last piece is here: nothing is asked of it any more. */
  onComplete(link: PeerLink): void {
    const { downloads, giving, members } = this.#deps
    downloads.closeLane(link)
    if (!giving.isGiving) members.drop(link)
    else if (!this.#dropIfUseless(link) && link.wire.amInterested) link.wire.uninterested()
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
    wire.on('choke', () => {
      if (!link.isGone) this.#deps.downloads.update(link)
    })
    wire.on('interested', () => this.#onInterested(link))
    wire.on('cancel', (piece: number, offset: number, length: number) => link.uploads?.cancel(piece, offset, length))
    wire.on('request', (piece: number, offset: number, length: number, respond: UploadRequest['respond']) => {
      if (this.gives(link)) link.uploads?.push({ piece, offset, length, respond })
      else respond(new Error('nothing is given'))
    })
  }

  /** Says what is here, to who may have it; others are told when they show that they may. */
  #sayPieces(link: PeerLink): void {
    if (!this.#deps.grants.mayHave(link)) return
    const { wire } = link
    const { isGiving } = this.#deps.giving
    if (wire.hasFast && this.#have.isFull && isGiving) wire.haveAll()
    else if (wire.hasFast && (this.#have.isEmpty || !isGiving)) wire.haveNone()
    else wire.bitfield(isGiving ? this.#have.toBytes() : new Bitfield(this.#pieceCount).toBytes())
    if (wire.peerInterested && isGiving) wire.unchoke()
  }

  #showInterest(link: PeerLink): void {
    if (this.#have.isFull || link.wire.amInterested || !this.#deps.grants.mayTake) return
    // A Shoal daemon tells what it gets on the lane: it is to answer at once then.
    if (link.hello !== undefined || link.source?.pieces.count !== 0) link.wire.interested()
  }

  /** Takes what we need of a Shoal daemon over a lane. */
  #openLane(link: PeerLink): void {
    const { peerId, host, hello } = link
    if (hello?.lane === undefined || this.#have.isFull || link.onLane !== undefined || !link.isOpen) return
    // With grants, once the other side has ours: lane and wire are two connections.
    if (link.source === undefined || (link.holder !== undefined && link.wire.peerChoking)) return
    const { lanes, downloads, wantsSealed, layer } = this.#deps
    const target = { peerId, host, ...hello.lane, wantsSealed: wantsSealed(hello) }
    if (!lanes.mayJoin(target)) return
    const { manifest } = layer
    downloads.openLane(link, (events) => {
      return lanes.join(target, { infoHash: manifest.infoHash, geometry: manifest }, events)
    })
  }

  #onHello(link: PeerLink, hello: ShoalHello | undefined): void {
    if (link.isGone) return
    const { downloads, grants, members } = this.#deps
    const refusal = link.holder === undefined ? undefined : misnamed(link.holder, hello)
    if (refusal !== undefined) {
      members.refuse(link, refusal)
      return
    }
    link.hello = hello
    link.isKnown = true
    // Before anything is asked for.
    if (hello !== undefined) grants.show(link)
    if (this.isRefused(link)) {
      downloads.remove(link)
      link.source = undefined
      return
    }
    downloads.update(link)
    this.#openLane(link)
  }

  #onGrant(link: PeerLink, bytes: Uint8Array): void {
    if (link.isGone) return
    const { grants, members } = this.#deps
    const hadNone = !grants.mayHave(link)
    const refusal = grants.take(link, bytes)
    if (refusal !== undefined) members.refuseLayer(link, refusal)
    else if (hadNone && link.isOpen) this.#sayPieces(link)
  }

  /** Its grant may have ended, and ours may have been renewed. */
  #checkGrants(link: PeerLink): void {
    if (link.isKnown && link.hello !== undefined && this.#deps.grants.show(link)) this.#showInterest(link)
    if (link.grant?.hasEnded() !== true) return
    link.grant = undefined
    if (link.wire.peerInterested || link.laneUpload !== undefined) this.#deps.members.refuseLayer(link, 'grant-ended')
  }

  #onInterested(link: PeerLink): void {
    if (link.isGone) return
    if (!this.#deps.grants.mayHave(link)) this.#deps.members.refuseLayer(link, 'no-grant')
    else if (link.isOpen && this.#deps.giving.isGiving) link.wire.unchoke()
  }

  #onPieces(link: PeerLink, pieces: Bitfield): void {
    if (this.#dropIfWasteful(link) || link.source === undefined) return
    this.#deps.downloads.setPieces(link, pieces)
    if (!link.isOpen || this.#dropIfUseless(link)) return
    this.#showInterest(link)
    this.#deps.downloads.update(link)
  }

  #onHave(link: PeerLink, piece: number): void {
    // The library reads the number as signed, and takes any.
    if (link.isGone || link.source === undefined || piece < 0 || piece >= this.#pieceCount) return
    this.#deps.downloads.addPiece(link, piece)
    if (!link.isOpen || this.#dropIfUseless(link) || this.#have.has(piece)) return
    this.#showInterest(link)
  }

  #onUnchoke(link: PeerLink): void {
    if (link.isGone || this.#dropIfWasteful(link)) return
    link.isStalled = false
    this.#deps.downloads.update(link)
    this.#openLane(link)
  }

  #dropIfWasteful(link: PeerLink): boolean {
    if (!this.#waste.isTooMuch(link)) return false
    this.#deps.members.drop(link)
    return true
  }

  /** Two complete sides have nothing to say to each other. */
  #dropIfUseless(link: PeerLink): boolean {
    if (!this.#have.isFull || link.source?.pieces.isFull !== true) return false
    this.#deps.members.drop(link)
    return true
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
