import type { Bitfield } from '@shoal/core'

/** How many wanted pieces one choice looks at before it settles for the rarest of them. */
const SAMPLE = 512

/**
 * Chooses the next piece to ask a source for: rarest first with random ties (BEP 3's common companion, Legout et
 * al., "Rarest First and Choke Algorithms Are Enough", 2006), over a random sample so that the cost of a choice
 * does not grow with the layer. Pure: it knows pieces and counts, no sockets and no clock.
 */
export class PiecePicker {
  /** Pieces present and verified here. */
  readonly have: Bitfield
  readonly #availability: Uint16Array
  readonly #random: () => number
  /** Absent pieces that nobody was asked for, in no order; `#position` finds a piece's place in it. */
  readonly #wanted: number[] = []
  readonly #position: Int32Array

  constructor(have: Bitfield, random: () => number) {
    this.have = have
    this.#random = random
    this.#availability = new Uint16Array(have.length)
    this.#position = new Int32Array(have.length).fill(-1)
    for (const piece of have.zeros()) this.want(piece)
  }

  get wantedCount(): number {
    return this.#wanted.length
  }

  /** How many usable peers, the origin aside, have a piece. */
  availability(piece: number): number {
    return this.#availability[piece] ?? 0
  }

  /** Counts a peer's pieces in (`+1`) or out (`-1`) as it becomes usable or goes. */
  count(pieces: Bitfield, delta: 1 | -1): void {
    for (const piece of pieces.ones()) this.countPiece(piece, delta)
  }

  countPiece(piece: number, delta: 1 | -1): void {
    this.#availability[piece] = Math.max(0, this.availability(piece) + delta)
  }

  /** Puts a piece (back) among the wanted ones; nothing happens when it is there or present. */
  want(piece: number): void {
    if (this.have.has(piece) || this.#position[piece] !== -1) return
    this.#position[piece] = this.#wanted.push(piece) - 1
  }

  /** Takes a piece from the wanted ones: somebody was asked for it, or it arrived. */
  unwant(piece: number): void {
    const position = this.#position[piece] ?? -1
    const last = this.#wanted.at(-1)
    if (position === -1 || last === undefined) return
    this.#wanted[position] = last
    this.#position[last] = position
    this.#wanted.pop()
    this.#position[piece] = -1
  }

  /**
   * The rarest wanted piece that the source has and `allowed` admits; `undefined` when there is none. Does not
   * change the picker: the caller takes the piece with {@link unwant}.
   */
  pick(source: Bitfield, allowed: (piece: number) => boolean = () => true): number | undefined {
    const count = this.#wanted.length
    const start = Math.floor(this.#random() * count)
    let best: number | undefined
    let rarest = Number.POSITIVE_INFINITY
    for (let step = 0; step < count && (step < SAMPLE || best === undefined); step += 1) {
      const piece = this.#wanted[(start + step) % count] ?? 0
      if (this.availability(piece) >= rarest || !source.has(piece) || !allowed(piece)) continue
      best = piece
      rarest = this.availability(piece)
    }
    return best
  }
}
