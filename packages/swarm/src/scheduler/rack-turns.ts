/**
 * How long a node may take to fetch a piece into its rack before the next one tries: so many times what it took lately, and at
 * least so long. A fixed time would be too short behind a narrow uplink, where those who try next make it narrower still.
 */
const TURN_FACTOR = 4
const MIN_TURN_MS = 1000
/** Whatever others say: a rack's nodes may be many, and one that never fetches must not hold the rest up for long. */
const MAX_TURN_MS = 10_000
const USUAL_GAIN = 0.1

/**
 * Whose turn it is to fetch a piece into a rack, so that it crosses the rack's uplink once: highest random weight hashing (Thaler and
 * Ravishankar, "Using name-based mappings to increase hit rates", 1998). All of a rack come to the same order without a
 * word; what falls to one that is slow or gone falls to the next a turn later.
 */
export class RackTurns {
  readonly #own: number
  readonly #now: () => number
  readonly #others = new Map<string, number>()
  /** When a piece was first seen at a peer. */
  readonly #seenAt: Float64Array
  /** From when a piece is seen at a peer until one of our rack has it. */
  #usualMs = 0

  constructor(options: { node: string; pieceCount: number; now: () => number }) {
    this.#own = nodeNumber(options.node)
    this.#now = options.now
    this.#seenAt = new Float64Array(options.pieceCount)
  }

  /** A node of our rack. */
  add(node: string): void {
    this.#others.set(node, nodeNumber(node))
  }

  remove(node: string): void {
    this.#others.delete(node)
  }

  /** The piece can be had from now on. */
  seen(piece: number): void {
    this.#seenAt[piece] = this.#now()
  }

  /** Another node of our rack has it, which was seen elsewhere before. */
  entered(piece: number): void {
    const tookMs = this.#now() - (this.#seenAt[piece] ?? 0)
    // One that came late with what it has, or had it all along and says so now, shows nothing of how long fetching takes.
    if (tookMs <= MAX_TURN_MS) this.#usualMs += (tookMs - this.#usualMs) * USUAL_GAIN
  }

  isOurs(piece: number): boolean {
    const turnMs = Math.min(MAX_TURN_MS, Math.max(MIN_TURN_MS, this.#usualMs * TURN_FACTOR))
    const turn = Math.floor((this.#now() - (this.#seenAt[piece] ?? 0)) / turnMs)
    const mine = weight(this.#own, piece)
    let before = 0
    for (const other of this.#others.values()) {
      if (weight(other, piece) > mine) before += 1
      if (before > turn) return false
    }
    return true
  }
}

/** A node's name as a number (FNV-1a, 32 bit). */
function nodeNumber(node: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < node.length; index += 1) hash = Math.imul(hash ^ node.charCodeAt(index), 0x01000193)
  return hash >>> 0
}

/** Mixes all bits of both (the finalizer of MurmurHash3). */
function weight(node: number, piece: number): number {
  let hash = node ^ Math.imul(piece + 1, 0x9e3779b1)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
