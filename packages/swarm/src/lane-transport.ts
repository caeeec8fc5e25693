import { type BlockBuffer, blocksOfPiece, type Manifest } from '@shoal/core'
import { MAX_REQUESTED_BLOCKS } from './lane/frame.ts'
import type { LaneChannel, LaneChannelEvents } from './lane/lane-channel.ts'
import type { PieceTransport, TransportEvents } from './piece-transport.ts'
import type { PieceSet } from './scheduler/piece-set.ts'
import type { SwarmLayer } from './swarm-layer.ts'

/** Of blocks that it chose the source hears when so many are here, or after so long. */
const CONFIRM_BLOCKS = 4
const CONFIRM_MS = 3
/** As much as the scheduler asks of one source, however urgent it is. */
const MAX_OWED_BYTES = 16 * 1024 * 1024

export interface LaneTransportEvents extends TransportEvents {
  /** The source sends a piece of its own choice. */
  onChosen(piece: number): void
  onHave(pieces: readonly number[]): void
  /** The lane is gone, or the source does not give the layer on it. */
  onClose(): void
}

/** Pieces over a lane: block by block. */
export class LaneTransport implements PieceTransport {
  readonly #layer: SwarmLayer
  readonly #events: LaneTransportEvents
  readonly #channel: LaneChannel
  /** Blocks under way, by piece. */
  readonly #pieces = new Map<number, Set<number>>()
  /** Blocks that the source may choose or has chosen, and that are not here. */
  #offered = 0
  /** The piece that the source chose last. */
  #chosen: number | undefined
  /** Chosen blocks that are here, of which it was not told. */
  #unconfirmed = 0
  #confirmTimer: NodeJS.Timeout | undefined

  constructor(layer: SwarmLayer, events: LaneTransportEvents, join: (events: LaneChannelEvents) => LaneChannel) {
    this.#layer = layer
    this.#events = events
    this.#channel = join({
      onBytes: (bytes) => events.onBytes(bytes),
      onBlock: (block, buffer, _length, isChosen) => this.#onBlock(block, buffer, isChosen),
      onReject: (block, count) => this.#onReject(block, count),
      onHave: (pieces) => events.onHave(pieces),
      onClose: () => events.onClose(),
    })
  }

  get offeredBlocks(): number {
    return this.#offered
  }

  ask(piece: number, { isUrgent }: { isUrgent: boolean }): void {
    const blocks = this.#absentBlocks(piece)
    if (piece === this.#chosen) this.#chosen = undefined
    this.#makeRoom(piece, blocks.size)
    // Anew at the end: in the order in which they were asked for last.
    this.#pieces.delete(piece)
    this.#pieces.set(piece, blocks)
    for (const [first, count] of runs(blocks)) this.#channel.request(first, count, { urgent: isUrgent })
  }

  cancel(piece: number): void {
    const blocks = this.#pieces.get(piece)
    if (blocks === undefined) return
    this.#pieces.delete(piece)
    for (const [first, count] of runs(blocks)) this.#channel.cancel(first, count)
  }

  /** Lets the source choose, until so many blocks of its choice are under way. */
  offer(blocks: number, admit: () => boolean): void {
    if (this.#offered > blocks / 2) return
    this.#confirm()
    while (this.#offered < blocks && admit()) {
      this.#offered += 1
      this.#channel.want(1)
    }
  }

  /** Says which pieces the source may choose from. */
  need(pieces: PieceSet): void {
    this.#channel.need(pieces.toBytes())
  }

  close(): void {
    clearTimeout(this.#confirmTimer)
    this.#pieces.clear()
    this.#channel.close()
  }

  /** What the source owes us since it fell silent must not pile up each time it does: the oldest is given up. */
  #makeRoom(piece: number, blocks: number): void {
    const most = Math.min(MAX_REQUESTED_BLOCKS, MAX_OWED_BYTES / this.#layer.manifest.blockLengthBytes)
    for (const owed of this.#pieces.keys()) {
      if (this.#channel.requestedBlocks === 0 || this.#channel.requestedBlocks + blocks <= most) return
      if (owed !== piece) this.cancel(owed)
    }
  }

  #onBlock(block: number, buffer: BlockBuffer, isChosen: boolean): void {
    const piece = pieceOf(this.#layer.manifest, block)
    if (isChosen) this.#onChosenBlock(piece)
    const blocks = this.#pieces.get(piece)
    blocks?.delete(block)
    this.#events.onBlock(block, buffer)
    if (blocks?.size !== 0) return
    this.#pieces.delete(piece)
    this.#events.onWhole(piece)
  }

  #onChosenBlock(piece: number): void {
    this.#offered -= 1
    this.#unconfirmed += 1
    if (this.#unconfirmed >= CONFIRM_BLOCKS) this.#confirm()
    else this.#confirmTimer ??= setTimeout(() => this.#confirm(), CONFIRM_MS)
    // Not again when its last blocks come while the first are being written.
    if (piece === this.#chosen || this.#pieces.has(piece)) return
    this.#endChosen()
    this.#chosen = piece
    this.#pieces.set(piece, this.#absentBlocks(piece))
    this.#events.onChosen(piece)
  }

  /** A source sends all of a piece before it chooses the next: what is missing now will not come, and others may have it. */
  #endChosen(): void {
    const piece = this.#chosen
    if (piece === undefined || !this.#pieces.delete(piece)) return
    this.#events.onRefused(piece)
  }

  /** Tells the source what arrived, some at a time. */
  #confirm(): void {
    clearTimeout(this.#confirmTimer)
    this.#confirmTimer = undefined
    if (this.#unconfirmed > 0) this.#channel.arrived(this.#unconfirmed)
    this.#unconfirmed = 0
  }

  #onReject(first: number, count: number): void {
    for (let block = first; block < first + count; block += 1) {
      const piece = pieceOf(this.#layer.manifest, block)
      if (!this.#pieces.get(piece)?.delete(block)) continue
      this.cancel(piece)
      this.#events.onRefused(piece)
    }
  }

  #absentBlocks(piece: number): Set<number> {
    const { manifest, present } = this.#layer
    const { first, end } = blocksOfPiece(manifest, piece)
    const blocks = new Set<number>()
    for (let block = first; block < end; block += 1) if (!present.has(block)) blocks.add(block)
    return blocks
  }
}

function pieceOf({ blockLengthBytes, pieceLengthBytes }: Manifest, block: number): number {
  return Math.floor((block * blockLengthBytes) / pieceLengthBytes)
}

/** Ascending numbers as runs: first and count. */
function* runs(numbers: Iterable<number>): Generator<[first: number, count: number]> {
  let first = -1
  let count = 0
  for (const number of numbers) {
    if (count > 0 && number === first + count) {
      count += 1
      continue
    }
    if (count > 0) yield [first, count]
    first = number
    count = 1
  }
  if (count > 0) yield [first, count]
}
