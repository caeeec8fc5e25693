import { PieceSet } from './piece-set.ts'
import { PRIORITIES, type Priority } from './priority.ts'

/** Pieces of one layer that are to be asked for, by priority. At first none is, and each has the priority `plan`. */
export class WantedPieces {
  /** In the order of {@link PRIORITIES}. */
  readonly #sets: readonly PieceSet[]
  readonly #head: readonly PieceSet[]
  /** By piece: its place in {@link PRIORITIES}. */
  readonly #priority: Uint8Array

  constructor(pieceCount: number) {
    this.#sets = PRIORITIES.map(() => new PieceSet(pieceCount))
    this.#head = this.#sets.slice(0, PRIORITIES.indexOf('plan'))
    this.#priority = new Uint8Array(pieceCount).fill(PRIORITIES.indexOf('plan'))
  }

  get count(): number {
    return this.#sets.reduce((sum, set) => sum + set.count, 0)
  }

  /** The most urgent first. */
  [Symbol.iterator](): Iterator<PieceSet> {
    return this.#sets[Symbol.iterator]()
  }

  /** What goes before the plan. */
  get head(): readonly PieceSet[] {
    return this.#head
  }

  get headCount(): number {
    let count = 0
    for (const set of this.#head) count += set.count
    return count
  }

  /** What goes before the plan when some of it is behind the head, which ends before this piece; otherwise nothing. */
  soon(headEnd: number): readonly PieceSet[] {
    return this.#hasHints(headEnd) ? this.#head : []
  }

  /** What somebody waits for. */
  get onDemand(): Iterable<number> {
    const [first] = this.#sets
    // To go through an empty set costs as much as through a full one.
    return first === undefined || first.count === 0 ? [] : first
  }

  has(piece: number): boolean {
    return this.#setOf(piece)?.has(piece) ?? false
  }

  /** False when it is there already. */
  add(piece: number): boolean {
    return this.#setOf(piece)?.add(piece) ?? false
  }

  /** False when it is not there. */
  delete(piece: number): boolean {
    return this.#setOf(piece)?.delete(piece) ?? false
  }

  priorityOf(piece: number): Priority {
    return PRIORITIES[this.#priority[piece] ?? 0] ?? 'plan'
  }

  setPriority(piece: number, priority: Priority): void {
    const isWanted = this.delete(piece)
    this.#priority[piece] = PRIORITIES.indexOf(priority)
    if (isWanted) this.add(piece)
  }

  #hasHints(from: number): boolean {
    const [, hinted] = this.#head
    let isThere = false
    if (hinted === undefined || hinted.count === 0) return false
    hinted.visitCommon(hinted, from, (piece) => {
      isThere = piece >= from
      return false
    })
    return isThere
  }

  #setOf(piece: number): PieceSet | undefined {
    return this.#sets[this.#priority[piece] ?? 0]
  }
}
