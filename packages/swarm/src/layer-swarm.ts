import {
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
import type { AccessRefusal, SwarmIdentity } from './auth/swarm-identity.ts'
import { WireGrants } from './auth/wire-grants.ts'
import type { UnstoredBlock } from './demands.ts'
import type { Dialer } from './dialer.ts'
import type { Discovery } from './discovery.ts'
import { Downloads } from './downloads.ts'
import type { FetchTurns } from './fetch-turns.ts'
import type { Giving } from './giving.ts'
import type { LaneClientId } from './lane/lane-greeting.ts'
import type { LaneUploadFactory } from './lane/lane-upload.ts'
import type { LanePool } from './lane-pool.ts'
import { LayerMembers, type WireOrigin } from './layer-members.ts'
import { LayerTalk } from './layer-talk.ts'
import { isSameTerms, type LayerTerms } from './layer-terms.ts'
import { LayerUploads } from './layer-uploads.ts'
import type { OriginTurns } from './origin-turns.ts'
import type { PeerLink } from './peer-link.ts'
import type { TurnOrder } from './scheduler/turn-order.ts'
import type { ShoalHello, SwarmPlace } from './shoal-extension.ts'
import type { SwarmLayer } from './swarm-layer.ts'

/** Connections, stalls and silence are looked after this often, and what is late or whose turn it is this often. */
const TICK_MS = 1000
const FILL_MS = 100

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

export interface LayerSwarmStats {
  peers: number
  uploadedBytes: number
  fromOriginBytes: number
  fromPeersBytes: number
  upBytesPerSecond: number
  downBytesPerSecond: number
}

/**
 * One layer's swarm as this daemon sees it, from joining to leaving: who is in it is {@link LayerMembers}' part, what is said on their wires
 * {@link LayerTalk}'s, what is asked of whom {@link Downloads}'. Everything that changes state runs synchronously in one event.
 */
export class LayerSwarm {
  readonly #deps: LayerSwarmDeps
  readonly #layer: SwarmLayer
  readonly #downloads: Downloads
  readonly #uploads: LayerUploads
  readonly #grants: WireGrants
  readonly #members: LayerMembers
  readonly #talk: LayerTalk
  readonly #up: RateMeter
  readonly #timer: NodeJS.Timeout
  /** While something is missing. */
  #fillTimer: NodeJS.Timeout | undefined
  #terms: LayerTerms
  #isClosed = false

  constructor(deps: LayerSwarmDeps) {
    this.#deps = deps
    this.#terms = deps.terms
    const { clock, logger, random, layer, own, limits, terms, identity } = deps
    const { infoHash } = layer.manifest
    this.#layer = layer
    this.#up = new RateMeter(clock)
    this.#downloads = new Downloads({
      ...{ clock, logger, random, layer, own, terms },
      turns: deps.fetchTurns,
      links: () => this.#members.all(),
      onStored: (piece) => this.#onStored(piece),
      onBadBlock: deps.onBadBlock,
      onStoreError: deps.onStoreError,
    })
    this.#uploads = new LayerUploads({
      ...{ clock, layer, limits, own, terms },
      order: deps.sendOrder,
      originTurns: deps.originTurns,
      onUpload: (bytes) => this.#up.add(bytes),
    })
    this.#grants = new WireGrants(identity, { infoHash, isSeed: own.role === 'origin' })
    this.#members = new LayerMembers({
      ...{ clock, identity, infoHash, dialer: deps.dialer, ownPeerId: own.peerId },
      pieceCount: pieceCount(layer.manifest),
      torrentBytes: layer.torrent.length,
      isOfUse: () => !this.#isClosed && (!this.isComplete || deps.giving.isGiving),
      onAdmitted: (link) => this.#talk.begin(link),
      onOpen: (link) => this.#talk.open(link),
      onGone: (link) => {
        link.laneUpload?.close()
        this.#downloads.remove(link)
      },
      onRefused: deps.onRefused,
      onFlood: deps.onFlood,
    })
    this.#talk = new LayerTalk({
      ...{ clock, layer, ownPeerId: own.peerId },
      ...{ members: this.#members, downloads: this.#downloads, uploads: this.#uploads, grants: this.#grants },
      ...{ metadata: deps.metadata, giving: deps.giving, lanes: deps.lanes },
      ...{ helloFor: deps.helloFor, wantsSealed: deps.wantsSealed },
    })
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
      peers: this.#members.count,
      uploadedBytes: this.#up.totalBytes,
      upBytesPerSecond: this.#up.bytesPerSecond(),
      ...this.#downloads.stats,
    }
  }

  /** Takes a wire over at its handshake; false when it is not wanted. */
  addWire(wire: Wire, origin: WireOrigin): boolean {
    return this.#members.add(wire, origin)
  }

  /** Our handshake is out on a wire that {@link addWire} took. */
  open(wire: Wire): void {
    this.#members.open(wire)
  }

  /** Bytes left a wire for its socket. */
  sent(wire: Wire, bytes: number): void {
    this.#members.sent(wire, bytes)
  }

  /** The wire we have with who opens a lane. */
  linkOf(client: LaneClientId): PeerLink | undefined {
    return this.#members.linkOf(client)
  }

  /** How this layer is given on a lane to this daemon; `undefined` when it is not on a wire with us. */
  laneUpload(client: LaneClientId): LaneUploadFactory | undefined {
    const link = this.#members.linkOf(client)
    return link === undefined || this.#isClosed ? undefined : this.#talk.laneUpload(link)
  }

  /** Looks again at what the store holds, after it dropped blocks that went bad on disk. */
  refresh(): void {
    if (!this.#downloads.refresh()) return
    this.#setFillTimer()
    // A HAVE cannot be taken back in BEP 3: peers meet us again with the pieces that are left.
    this.#members.disconnect(() => true)
    // A complete layer has closed its wires to others that are.
    this.#deps.discovery()?.search()
    this.#dial()
  }

  /** Whether others are given anything has changed: they meet us again as what we are now. */
  onGiving(): void {
    this.#members.disconnect(() => true)
    if (this.#deps.giving.isGiving) this.#deps.discovery()?.search()
    this.#dial()
  }

  /** From whom nothing is taken has changed: those whom it concerns meet us again. */
  onRefused(): void {
    this.#members.disconnect((link) => this.#talk.isRefused(link) !== (link.source === undefined))
    this.#dial()
  }

  /** Closes the wires to a host, whoever is there. */
  disconnectHost(host: string): void {
    this.#members.disconnectHost(host)
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    clearInterval(this.#timer)
    clearInterval(this.#fillTimer)
    const stopped = this.#downloads.stop()
    this.#members.close()
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

  #onStored(piece: number): void {
    // Nobody is told of what he would not get.
    for (const link of this.#members.all()) if (this.#talk.gives(link)) this.#uploads.have(link, piece)
    if (this.isComplete) void this.#finish()
  }

  async #finish(): Promise<void> {
    for (const link of this.#members.all()) this.#talk.onComplete(link)
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
    for (const link of this.#downloads.checkStalls()) this.#members.drop(link)
    this.#members.check()
    for (const link of this.#members.all()) if (!link.isGone) this.#talk.check(link)
    this.#dial()
  }

  #dial(): void {
    if (!this.#isClosed && !this.isComplete && this.#grants.mayTake) this.#members.dial()
  }
}
