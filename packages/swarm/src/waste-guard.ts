import type { PeerLink } from './peer-link.ts'

/**
 * Each choke, unchoke and bitfield costs a pass over all pieces. A wire that makes us go over more than this wastes our time;
 * aria2 is honest and sends a bitfield in place of a few HAVEs.
 */
const MAX_PASSED_PIECES = 2_000_000
const PASSED_PIECES_PER_TICK = 500_000
const PASS_COST_PIECES = 1000

/** Bounds what a wire may cost us. */
export class WasteGuard {
  readonly #pieceCount: number

  constructor(pieceCount: number) {
    this.#pieceCount = pieceCount
  }

  /** Counts one pass over all pieces; true when there were too many of late. */
  isTooMuch(link: PeerLink): boolean {
    link.passedPieces += this.#pieceCount + PASS_COST_PIECES
    return link.passedPieces > MAX_PASSED_PIECES
  }

  /** A second went by. */
  forgive(link: PeerLink): void {
    link.passedPieces = Math.max(0, link.passedPieces - PASSED_PIECES_PER_TICK)
  }
}
