import type { BlockBuffer, Geometry } from '@shoal/core'

/** What a source does on a channel. */
export interface LaneChannelEvents {
  /** Payload that came in: for rates, stalls and statistics. */
  onBytes(bytes: number): void
  /** A whole block, not verified. Whoever is called releases the buffer. `isChosen`: the source chose it. */
  onBlock(block: number, buffer: BlockBuffer, length: number, isChosen: boolean): void
  /** Blocks that were asked for will not come. */
  onReject(block: number, count: number): void
  /** Pieces that became whole there. */
  onHave(pieces: readonly number[]): void
  /** The source does not give the layer (any more), or the lane is gone. Not called after `close`. */
  onClose(): void
}

/** One layer on a lane, as its client sees it. All of it does nothing once the channel is closed. */
export interface LaneChannel {
  readonly isClosed: boolean
  /** Blocks that were asked for and have neither come nor been rejected or cancelled. */
  readonly requestedBlocks: number
  /** Blocks that the source may still choose. */
  readonly wantedBlocks: number
  /**
   * Asks for blocks; one that is asked for already is not asked for again, but becomes urgent if it is now. Throws a
   * TypeError for blocks that the layer does not have and for more than `MAX_REQUESTED_BLOCKS` at once.
   */
  request(block: number, count: number, options?: { urgent?: boolean }): void
  /** Takes requests back: nothing is heard of these blocks until they are asked for again. */
  cancel(block: number, count: number): void
  /** Lets the source choose so many more. Throws a TypeError for more than `MAX_WANTED_BLOCKS` in all. */
  want(blocks: number): void
  /** Says which pieces the source may choose from: a bitfield as BEP 3 has it, of all pieces. It takes the place of the one before. */
  need(pieces: Uint8Array): void
  /** Says that so many more of the chosen blocks are here. */
  arrived(blocks: number): void
  close(): void
}

/** What a lane has to know of a layer. */
export interface LaneLayer {
  /** 40 hexadecimal digits. */
  readonly infoHash: string
  readonly geometry: Geometry
}
