import { PieceSet } from './piece-set.ts'

/** How many usable peers have each piece: all of them, and those in our rack. The origin is not counted: available means "without it". */
export class Availability {
  /** Pieces that no usable peer has. */
  readonly none: PieceSet
  readonly #all: Uint16Array
  readonly #near: Uint16Array

  constructor(pieceCount: number) {
    this.#all = new Uint16Array(pieceCount)
    this.#near = new Uint16Array(pieceCount)
    this.none = new PieceSet(pieceCount)
    for (let piece = 0; piece < pieceCount; piece += 1) this.none.add(piece)
  }

  count(piece: number): number {
    return this.#all[piece] ?? 0
  }

  nearCount(piece: number): number {
    return this.#near[piece] ?? 0
  }

  /** Returns how many have it now. */
  add(piece: number, delta: 1 | -1, isNear: boolean): number {
    const count = this.count(piece) + delta
    this.#all[piece] = count
    if (count === 0) this.none.add(piece)
    else this.none.delete(piece)
    if (isNear) this.#near[piece] = this.nearCount(piece) + delta
    return count
  }
}
