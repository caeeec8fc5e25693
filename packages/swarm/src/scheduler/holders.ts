import { Availability } from './availability.ts'
import type { PieceSet } from './piece-set.ts'
import { RackTurns } from './rack-turns.ts'
import type { Source } from './source.ts'

/** Who of the sources has which piece, and what follows from that: what may be asked of whom. The origin does not count. */
export class Holders {
  readonly #available: Availability
  /** Who fetches what is only in other racks, and what only slow sources have. */
  readonly #turns: RackTurns
  readonly #slowTurns: RackTurns

  constructor(options: { node: string; pieceCount: number; now: () => number }) {
    this.#available = new Availability(options.pieceCount)
    this.#turns = new RackTurns(options)
    this.#slowTurns = new RackTurns(options)
  }

  /** Pieces that nobody but the origin has. */
  get none(): PieceSet {
    return this.#available.none
  }

  count(piece: number): number {
    return this.#available.count(piece)
  }

  /** A source counts from now on, if it is one to wait for. */
  add(source: Source): void {
    if (source.isCounted || source.place === 'origin' || source.isDoubtful || !source.isUsable) return
    source.isCounted = true
    if (source.isPrompt) this.#slowTurns.add(source.node)
    if (source.isPrompt && source.place === 'near') this.#turns.add(source.node)
    source.pieces.visit((piece) => this.#change(source, piece, 1))
  }

  /** It counts no more. What it is and where it is must not have changed since it was added. */
  remove(source: Source): void {
    if (!source.isCounted) return
    source.isCounted = false
    this.#slowTurns.remove(source.node)
    this.#turns.remove(source.node)
    source.pieces.visit((piece) => this.#change(source, piece, -1))
  }

  /** A source has a piece from now on. */
  addPiece(source: Source, piece: number): void {
    if (source.isCounted) this.#change(source, piece, 1)
  }

  removePiece(source: Source, piece: number): void {
    if (source.isCounted) this.#change(source, piece, -1)
  }

  /** What is dear to fetch is fetched by one of a rack, and not at all when one near us has it. */
  mayAsk({ place, isPrompt }: Source, piece: number): boolean {
    if (isPrompt) return true
    if (place === 'origin') return this.#available.count(piece) === 0
    const turns = place === 'far' ? this.#turns : this.#slowTurns
    return this.#available.nearCount(piece) === 0 && turns.isOurs(piece)
  }

  #change({ isPrompt }: Source, piece: number, delta: 1 | -1): void {
    const count = this.#available.add(piece, delta, isPrompt)
    if (delta === -1) return
    for (const turns of [this.#turns, this.#slowTurns]) {
      if (count === 1) turns.seen(piece)
      else if (isPrompt && this.#available.nearCount(piece) === 1) turns.entered(piece)
    }
  }
}
