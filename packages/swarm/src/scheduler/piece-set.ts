import type { Bitfield } from '@shoal/core'

/** Each byte with its bits in reverse: a bitfield has the first piece in the highest. */
const REVERSED = Uint8Array.from({ length: 256 }, (_, byte) => {
  let reversed = 0
  for (let bit = 0; bit < 8; bit += 1) reversed |= ((byte >>> bit) & 1) << (7 - bit)
  return reversed
})

/** A set of pieces as 32-bit words: two sets are compared 32 pieces at a time, which keeps a choice cheap in large layers. */
export class PieceSet {
  readonly length: number
  readonly #words: Uint32Array
  #count = 0

  /** Empty, or what is in a bitfield of the same length: byte by byte, as others send it as often as they like. */
  constructor(length: number, pieces?: Bitfield) {
    this.length = length
    this.#words = new Uint32Array(Math.ceil(length / 32))
    if (pieces === undefined) return
    if (pieces.length !== length) throw new TypeError(`a bitfield of ${pieces.length} instead of ${length} pieces`)
    for (const [index, byte] of pieces.toBytes().entries()) {
      this.#words[index >>> 2] = (this.#words[index >>> 2] ?? 0) | ((REVERSED[byte] ?? 0) << ((index & 3) * 8))
    }
    this.#count = pieces.count
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
    this.#count += 1
    return true
  }

  /** True when it was in the set. */
  delete(piece: number): boolean {
    if (!this.has(piece)) return false
    this.#words[piece >>> 5] = (this.#words[piece >>> 5] ?? 0) & ~(1 << (piece & 31))
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
    const words = this.#words.length
    const first = (start >>> 5) % Math.max(1, words)
    for (let step = 0; step <= words; step += 1) {
      const index = (first + step) % words
      let word = (this.#words[index] ?? 0) & (other.#words[index] ?? 0)
      // The word in which the walk begins is visited in two parts: its upper pieces first, its lower ones at the end.
      if (step === 0) word &= -1 << (start & 31)
      else if (step === words) word &= ~(-1 << (start & 31))
      for (; word !== 0; word &= word - 1) {
        if (!visit(index * 32 + (31 - Math.clz32(word & -word)))) return
      }
    }
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
}
