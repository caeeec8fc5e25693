import type { Clock } from '@shoal/core'
import type Wire from 'bittorrent-protocol'
import type { AccessRefusal, Holder, RefusalReason, SwarmIdentity } from './auth/swarm-identity.ts'
import type { WireAuth } from './auth/wire-auth.ts'
import { WireGate } from './auth/wire-gate.ts'
import { boundMessages } from './bound-messages.ts'
import type { Dialer } from './dialer.ts'
import { type LaneClientId, nodeIdOf } from './lane/lane-greeting.ts'
import { PeerLink } from './peer-link.ts'

const MAX_LINKS = 60
/** Connections that one host may open to one layer: more would let it take every place. */
const MAX_INCOMING_PER_HOST = 10
/** A wire that says nothing for so long is dead: clients send a keep-alive every two minutes (BEP 3). */
const DEAD_MS = 5 * 60_000
/** webtorrent's own last resort for a request; our stall rule comes long before. */
const WIRE_TIMEOUT_MS = 60_000

/** Where a wire comes from. */
export interface WireOrigin {
  readonly host: string
  /** `host:port` when we dialled it. */
  readonly dialled: string | undefined
  /** Whether the other side, which dialled us, said more than its handshake before it had ours. */
  readonly hasSpoken?: boolean
}

/** What is told of those who come and go. */
export interface LayerMembersEvents {
  /** Somebody is let in: nothing but handshakes was said. */
  onAdmitted(link: PeerLink): void
  /** Our handshake is out and the other side is known: other messages may follow. */
  onOpen(link: PeerLink): void
  /** Its wire is closed, or about to be. */
  onGone(link: PeerLink): void
  /** A wire was closed because of who is there, or because nobody knows; the link when nothing else of the daemon there is to go on either. */
  onRefused(refusal: AccessRefusal, link: PeerLink | undefined): void
  /** A wire of this host was closed because of what came on it, or was one too many. */
  onFlood(host: string): void
}

export interface LayerMembersDeps extends LayerMembersEvents {
  readonly clock: Clock
  readonly dialer: Dialer
  readonly ownPeerId: string
  readonly infoHash: string
  readonly pieceCount: number
  readonly torrentBytes: number
  /** With it everybody has to prove which node it is before anything else; without it nobody does. */
  readonly identity: SwarmIdentity | undefined
  /** Whether anybody is of use: something is to be had or given. */
  readonly isOfUse: () => boolean
}

/** Who is in one layer's swarm with us: whom we dial, which wires are let in, and when they have to go. */
export class LayerMembers {
  readonly #deps: LayerMembersDeps
  readonly #links = new Map<Wire, PeerLink>()
  readonly #gate: WireGate | undefined
  /** Wires on which our handshake is out. */
  readonly #met = new WeakSet<Wire>()

  constructor(deps: LayerMembersDeps) {
    this.#deps = deps
    const { identity, clock, infoHash, ownPeerId } = deps
    if (identity === undefined) return
    this.#gate = new WireGate({
      ...{ identity, clock, infoHash, ownPeerId },
      onRefused: (refusal) => deps.onRefused(refusal, undefined),
      onFlood: deps.onFlood,
    })
  }

  get count(): number {
    return this.#links.size
  }

  /** A copy: they may go while they are looked at. */
  all(): PeerLink[] {
    return [...this.#links.values()]
  }

  /** The wire we have with who opens a lane. */
  linkOf({ peerId, host, nodeId }: LaneClientId): PeerLink | undefined {
    return this.all().find((known) => {
      const isThere = known.peerId === peerId && known.host === host
      return isThere && nodeId === (known.holder === undefined ? undefined : nodeIdOf(known.holder.name))
    })
  }

  /** Bytes left a wire for its socket. */
  sent(wire: Wire, bytes: number): void {
    this.#links.get(wire)?.uploads?.sent(bytes)
  }

  /** Connects to addresses that are not known yet, as far as there are places. */
  dial(): void {
    const links = this.all()
    this.#deps.dialer.dial({ room: MAX_LINKS - links.length, isAlone: links.length === 0 }, (address, peerId) =>
      links.some((link) => link.dialled === address || (peerId !== undefined && link.peerId === peerId)),
    )
  }

  /** Takes a wire over at its handshake; false when it is not wanted. */
  add(wire: Wire, { host, dialled, hasSpoken = false }: WireOrigin): boolean {
    const { ownPeerId, dialer } = this.#deps
    const isSelf = wire.peerId === ownPeerId
    if (dialled !== undefined && isSelf) dialer.forget(dialled)
    else if (dialled !== undefined) dialer.met(dialled, wire.peerId)
    if (isSelf || !this.#isRoom) return false
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
    this.#bound(wire, host, auth)
    return auth !== undefined || this.#admit(wire, host, dialled, undefined)
  }

  /** Our handshake is out on a wire that {@link add} took: it is open once the other side is known, too. */
  open(wire: Wire): void {
    this.#met.add(wire)
    const link = this.#links.get(wire)
    if (link === undefined || link.isOpen || wire.destroyed) return
    wire.setTimeout(WIRE_TIMEOUT_MS, true)
    link.isOpen = true
    this.#deps.onOpen(link)
  }

  drop(link: PeerLink): void {
    // First, because a wire that is destroyed tells of a choke.
    this.#onGone(link)
    link.wire.destroy()
  }

  /** Who is there is not, or no longer, one to talk with. */
  refuse(link: PeerLink, reason: RefusalReason): void {
    this.drop(link)
    this.#deps.onRefused(refusalOf(link, 'wire', reason), link)
  }

  /** Who is there is one of the cluster and not to have this layer: what it has of others goes on. */
  refuseLayer(link: PeerLink, reason: RefusalReason, kind: 'wire' | 'lane' = 'wire'): void {
    this.drop(link)
    this.#deps.onRefused(refusalOf(link, kind, reason), undefined)
  }

  /** Closes the wires for which `matches` holds. */
  disconnect(matches: (link: PeerLink) => boolean): void {
    for (const link of this.all()) if (matches(link)) this.drop(link)
  }

  /** Closes the wires to a host, whoever is there. */
  disconnectHost(host: string): void {
    this.#gate?.drop(host)
    this.disconnect((link) => link.host === host)
  }

  /** Closes all wires, those that have proven nothing yet as well. */
  close(): void {
    this.#gate?.drop()
    this.disconnect(() => true)
  }

  /** Called every second: those go whose credential is no longer good, and those that say nothing. */
  check(): void {
    this.#gate?.check()
    const deadline = this.#deps.clock.now() - DEAD_MS
    for (const link of this.all()) {
      const lapsed = link.holder?.lapsed()
      if (lapsed !== undefined) this.refuse(link, lapsed)
      else if (link.lastHeardAt < deadline) this.drop(link)
    }
  }

  get #isRoom(): boolean {
    return this.#links.size < MAX_LINKS && this.#deps.isOfUse()
  }

  #bound(wire: Wire, host: string, auth: WireAuth | undefined): void {
    const { pieceCount, torrentBytes, clock, onFlood } = this.#deps
    boundMessages(wire, {
      ...{ pieceCount, torrentBytes, auth },
      onRefused: () => onFlood(host),
      onMessage: () => {
        const link = this.#links.get(wire)
        if (link !== undefined) link.lastHeardAt = clock.now()
      },
    })
  }

  /** Makes a wire one of ours: the other side may be there. */
  #admit(wire: Wire, host: string, dialled: string | undefined, holder: Holder | undefined): boolean {
    // Others may have come while it proved who it is.
    if (!this.#isRoom || !this.#settleDuplicate(wire, host, dialled, holder)) return false
    const link = new PeerLink({ wire, host, dialled, holder, now: this.#deps.clock.now() })
    this.#links.set(wire, link)
    this.#deps.onAdmitted(link)
    wire.once('close', () => this.#onGone(link))
    return true
  }

  /** Of two wires to one daemon, both ends keep the one that the smaller peer id opened. */
  #settleDuplicate(wire: Wire, host: string, dialled: string | undefined, holder: Holder | undefined): boolean {
    const other = this.all().find((link) => link.peerId === wire.peerId)
    if (other === undefined) return true
    // Peer ids are made by chance: one of another node's is taken from it.
    if (holder?.name !== other.holder?.name) return false
    const isOurs = dialled !== undefined
    const oursWins = this.#deps.ownPeerId < wire.peerId
    const isReconnect = (other.dialled !== undefined) === isOurs
    // Anybody may claim anybody's peer id: that must not cost the one who has it its wire.
    if (isReconnect ? other.host !== host : isOurs !== oursWins) return false
    this.drop(other)
    return true
  }

  #incomingFrom(host: string): number {
    let count = 0
    for (const link of this.#links.values()) if (link.host === host && link.dialled === undefined) count += 1
    return count
  }

  #onGone(link: PeerLink): void {
    if (!this.#links.delete(link.wire)) return
    link.isGone = true
    this.#deps.onGone(link)
  }
}

function refusalOf({ host, wire, holder }: PeerLink, kind: 'wire' | 'lane', reason: RefusalReason): AccessRefusal {
  return { kind, reason, address: `${host}:${wire.remotePort ?? 0}`, node: holder?.name ?? null }
}
