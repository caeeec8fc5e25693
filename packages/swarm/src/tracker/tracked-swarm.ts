import { HAND_OUT, handOut, isSameRack } from './hand-out.ts'
import { PeerPool } from './peer-pool.ts'
import type { Announce, TrackedPeer } from './tracked-peer.ts'

/** Origins of one swarm that an answer names at most. */
const MAX_ORIGINS = 4
/** An incomplete peer that got nothing for so long has some of its neighbours replaced. */
const STUCK_MS = 15_000
const STUCK_REPLACES = 4
const JOIN_WINDOW_MS = 5000

/**
 * The peers of one swarm and who was handed out to whom: a graph that is kept, so that an announce that is repeated names the
 * same peers again and nobody's degree grows with time.
 */
export class TrackedSwarm {
  readonly infoHash: string
  /** By address; who announced last is last. */
  readonly nodes = new Map<string, TrackedPeer>()
  readonly foreign = new Map<string, TrackedPeer>()
  readonly #incomplete = new PeerPool<TrackedPeer>()
  readonly #complete = new PeerPool<TrackedPeer>()
  /** Outside the graph: every incomplete peer gets them. */
  readonly #origins = new Set<TrackedPeer>()
  readonly #random: () => number
  #joinWindow = 0
  #joinsNow = 0
  #joinsBefore = 0

  constructor(infoHash: string, random: () => number) {
    this.infoHash = infoHash
    this.#random = random
  }

  get size(): number {
    return this.nodes.size + this.foreign.size
  }

  /** How many have everything, and how many do not. */
  get counts(): { complete: number; incomplete: number } {
    const incomplete = this.#incomplete.all.size
    return { complete: this.size - incomplete, incomplete }
  }

  find(address: string): TrackedPeer | undefined {
    return this.nodes.get(address) ?? this.foreign.get(address)
  }

  /** Takes a peer in, or what it says anew. */
  put(announce: Announce, nowMs: number): TrackedPeer {
    const { address, isNode, isOrigin, isSource, source, leftKib, compact, zone, rack } = announce
    let peer = this.find(address)
    // It became known as a node meanwhile, moved, or is no source any more: it starts anew.
    const isAsBefore = peer?.isNode === isNode && peer.isOrigin === isOrigin && peer.isSource === isSource
    if (peer !== undefined && !(isAsBefore && isSameRack(peer, announce))) {
      this.remove(peer)
      peer = undefined
    }
    const isComplete = leftKib === 0
    if (peer === undefined) {
      peer = {
        ...{ swarm: this, address, isNode, isOrigin, isSource, source, compact, zone, rack, isComplete, leftKib },
        ...{ near: [], far: [], movedAtMs: nowMs, expirySlot: undefined },
      }
      this.#countJoin(nowMs)
    } else {
      this.#poolOf(peer)?.delete(peer)
      if (leftKib !== peer.leftKib) peer.movedAtMs = nowMs
      Object.assign(peer, { source, compact, isComplete, leftKib })
      // Two complete peers have nothing to say to each other.
      if (isComplete) for (const other of neighboursOf(peer)) if (other.isComplete) unlink(peer, other)
    }
    const table = isNode ? this.nodes : this.foreign
    table.delete(address)
    table.set(address, peer)
    if (isOrigin && isSource) this.#origins.add(peer)
    else this.#poolOf(peer)?.add(peer)
    return peer
  }

  remove(peer: TrackedPeer): void {
    const table = peer.isNode ? this.nodes : this.foreign
    if (table.get(peer.address) !== peer) return
    table.delete(peer.address)
    this.#origins.delete(peer)
    this.#poolOf(peer)?.delete(peer)
    for (const other of neighboursOf(peer)) unlink(peer, other)
  }

  /** The peers that an asker is told, after giving it the neighbours that it lacks. */
  answer(asker: TrackedPeer, wanted: number, nowMs: number): TrackedPeer[] {
    const most = Math.min(wanted, HAND_OUT.maxAnswer)
    const pools = { incomplete: this.#incomplete, complete: this.#complete }
    // Everybody is told of the origin; it is told of a few, for those that cannot reach it, and keeps none.
    if (asker.isOrigin) return handOut(asker, pools, { room: Math.min(most, HAND_OUT.totalFill), random: this.#random })
    const told = asker.isComplete ? [] : [...this.#origins].slice(0, Math.min(most, MAX_ORIGINS))
    // Whom nobody is told of is told of others and becomes nobody's neighbour.
    if (!asker.isSource) return [...told, ...handOut(asker, pools, { room: most - told.length, random: this.#random })]
    const except = this.#dropSome(asker, nowMs)
    const room = most - told.length - asker.near.length - asker.far.length
    for (const peer of handOut(asker, pools, { room, random: this.#random, except })) link(asker, peer)
    // The newest first, of either kind in turn: an answer that is too short for all has some of both and what was not said before.
    for (let back = 1; back <= Math.max(asker.near.length, asker.far.length); back++) {
      for (const peer of [asker.near.at(-back), asker.far.at(-back)]) {
        if (peer !== undefined && told.length < most) told.push(peer)
      }
    }
    return told
  }

  /** Peers that came within the last 5 to 10 s. */
  recentJoins(nowMs: number): number {
    this.#turnJoinWindow(nowMs)
    return this.#joinsNow + this.#joinsBefore
  }

  #poolOf(peer: TrackedPeer): PeerPool<TrackedPeer> | undefined {
    if (peer.isOrigin || !peer.isSource) return undefined
    return peer.isComplete ? this.#complete : this.#incomplete
  }

  /** Parts a peer that gets nothing from some of its neighbours, by chance, and gives them. */
  #dropSome(asker: TrackedPeer, nowMs: number): TrackedPeer[] {
    if (asker.isComplete || nowMs - asker.movedAtMs < STUCK_MS) return []
    asker.movedAtMs = nowMs
    // In a small swarm it has everybody already.
    if (this.size <= HAND_OUT.smallSwarm) return []
    const dropped: TrackedPeer[] = []
    const neighbours = neighboursOf(asker)
    for (let count = Math.min(STUCK_REPLACES, neighbours.length); count > 0; count--) {
      const [other] = neighbours.splice(Math.floor(this.#random() * neighbours.length), 1)
      if (other === undefined) break
      unlink(asker, other)
      dropped.push(other)
    }
    return dropped
  }

  #countJoin(nowMs: number): void {
    this.#turnJoinWindow(nowMs)
    this.#joinsNow += 1
  }

  #turnJoinWindow(nowMs: number): void {
    const window = Math.floor(nowMs / JOIN_WINDOW_MS)
    if (window === this.#joinWindow) return
    this.#joinsBefore = window === this.#joinWindow + 1 ? this.#joinsNow : 0
    this.#joinsNow = 0
    this.#joinWindow = window
  }
}

function neighboursOf(peer: TrackedPeer): TrackedPeer[] {
  return [...peer.near, ...peer.far]
}

function link(one: TrackedPeer, other: TrackedPeer): void {
  const kind = isSameRack(one, other) ? 'near' : 'far'
  one[kind].push(other)
  other[kind].push(one)
}

function unlink(one: TrackedPeer, other: TrackedPeer): void {
  const kind = isSameRack(one, other) ? 'near' : 'far'
  one[kind].splice(one[kind].indexOf(other), 1)
  other[kind].splice(other[kind].indexOf(one), 1)
}
