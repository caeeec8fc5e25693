import type { Bitfield } from '@shoal/core'

/** Each byte with its bits in reverse: a bitfield has the first piece in the highest. */
const REVERSED = Uint8Array.from({ length: 256 }, (_, byte) => {
  let reversed = 0
  for (let bit = 0; bit < 8; bit += 1) reversed |= ((byte >>> bit) & 1) << (7 - bit)
  return reversed
})

/**
 * A set of pieces as 32-bit words: two sets are compared 32 pieces at a time, and where one of them has none 1024, which keeps a choice
 * cheap in large layers.
 */
export class PieceSet {
  readonly length: number
  readonly #words: Uint32Array
  /** A bit for each word that is not zero. */
  readonly #groups: Uint32Array
  #count = 0

  /** Empty, or what is in a bitfield of the same length: byte by byte, as others send it as often as they like. */
  constructor(length: number, pieces?: Bitfield) {
    this.length = length
    this.#words = new Uint32Array(Math.ceil(length / 32))
    this.#groups = new Uint32Array(Math.ceil(this.#words.length / 32))
    if (pieces === undefined) return
    if (pieces.length !== length) throw new TypeError(`a bitfield of ${pieces.length} instead of ${length} pieces`)
    for (const [index, byte] of pieces.toBytes().entries()) {
      this.#words[index >>> 2] = (this.#words[index >>> 2] ?? 0) | ((REVERSED[byte] ?? 0) << ((index & 3) * 8))
    }
    this.#count = pieces.count
    for (const [index, word] of this.#words.entries()) if (word !== 0) this.#setGroup(index)
  }

  get count(): number {
    return this.#count
  }

  get isFull(): boolean {
    return this.#count === this.length
  }

  has(piece: number): boolean {
    return (((this.#words[piece >>> 5] ?? 0) >>> (piece & 31)) & 1) === 1
  }

  /** True when it was not in the set. */
  add(piece: number): boolean {
    if (this.has(piece)) return false
    this.#words[piece >>> 5] = (this.#words[piece >>> 5] ?? 0) | (1 << (piece & 31))
    this.#setGroup(piece >>> 5)
    this.#count += 1
    return true
  }

  /** True when it was in the set. */
  delete(piece: number): boolean {
    if (!this.has(piece)) return false
    const word = (this.#words[piece >>> 5] ?? 0) & ~(1 << (piece & 31))
    this.#words[piece >>> 5] = word
    if (word === 0) this.#groups[piece >>> 10] = (this.#groups[piece >>> 10] ?? 0) & ~(1 << ((piece >>> 5) & 31))
    this.#count -= 1
    return true
  }

  /** How many pieces are in both sets. */
  countCommon(other: PieceSet): number {
    let count = 0
    this.visitCommon(other, 0, () => {
      count += 1
      return true
    })
    return count
  }

  /** As a bitfield (BEP 3). */
  toBytes(): Buffer {
    const bytes = Buffer.alloc(Math.ceil(this.length / 8))
    this.visitCommon(this, 0, (piece) => {
      bytes[piece >>> 3] = (bytes[piece >>> 3] ?? 0) | (0x80 >>> (piece & 7))
      return true
    })
    return bytes
  }

  /** Adds the pieces that are in both of two sets. */
  addCommon(one: PieceSet, other: PieceSet): void {
    one.visitCommon(other, 0, (piece) => {
      this.add(piece)
      return true
    })
  }

  /** Visits the pieces in both sets, from `start` on and around, in order, until `visit` returns false. */
  visitCommon(other: PieceSet, start: number, visit: (piece: number) => boolean): void {
    if (this.#visitRange(other, start, this.length, visit)) this.#visitRange(other, 0, start, visit)
  }

  /** All pieces of it, in order. */
  visit(visit: (piece: number) => void): void {
    for (let index = 0; index < this.#words.length; index += 1) {
      for (let word = this.#words[index] ?? 0; word !== 0; word &= word - 1) {
        visit(index * 32 + (31 - Math.clz32(word & -word)))
      }
    }
  }

  *[Symbol.iterator](): Generator<number> {
    for (let piece = 0; piece < this.length; piece += 1) if (this.has(piece)) yield piece
  }

  /** False when `visit` ended it. */
  #visitRange(other: PieceSet, start: number, end: number, visit: (piece: number) => boolean): boolean {
    if (start >= end) return true
    const first = start >>> 5
    const last = (end - 1) >>> 5
    let index = this.#nextCommonWord(other, first)
    for (; index <= last; index = this.#nextCommonWord(other, index + 1)) {
      let word = (this.#words[index] ?? 0) & (other.#words[index] ?? 0)
      if (index === first) word &= -1 << (start & 31)
      if (index === last && (end & 31) !== 0) word &= ~(-1 << (end & 31))
      for (; word !== 0; word &= word - 1) {
        if (!visit(index * 32 + (31 - Math.clz32(word & -word)))) return false
      }
    }
    return true
  }

  /** The first word from there on that is zero in neither set. */
  #nextCommonWord(other: PieceSet, index: number): number {
    for (let group = index >>> 5; group < this.#groups.length; group += 1) {
      let bits = (this.#groups[group] ?? 0) & (other.#groups[group] ?? 0)
      if (group === index >>> 5) bits &= -1 << (index & 31)
      if (bits !== 0) return group * 32 + (31 - Math.clz32(bits & -bits))
    }
    return Number.POSITIVE_INFINITY
  }

  #setGroup(index: number): void {
    this.#groups[index >>> 5] = (this.#groups[index >>> 5] ?? 0) | (1 << (index & 31))
  }
}
