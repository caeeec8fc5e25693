import type { BlockBuffer } from '@shoal/core'

/** How pieces of one layer come from one source: over a lane, or over its BitTorrent wire. */
export interface PieceTransport {
  /** Asks for the absent blocks of a piece. */
  ask(piece: number, options: { isUrgent: boolean }): void
  /** Takes that back. */
  cancel(piece: number): void
  /** Ends all of it without a word to the owner. */
  close(): void
}

/** What comes of it. */
export interface TransportEvents {
  /** Payload that arrived, verified or not. */
  onBytes(bytes: number): void
  /** A whole block, not verified; whoever is called releases the buffer. */
  onBlock(block: number, buffer: BlockBuffer): void
  /** All blocks of a piece that was asked for came. */
  onWhole(piece: number): void
  /** The source refused the piece. */
  onRefused(piece: number): void
}
