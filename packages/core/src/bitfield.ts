/**
 * A fixed-length set of bits with its count, most significant bit first as on the BitTorrent wire (BEP 3).
 * Spare bits at the end are always zero.
 */
export class Bitfield {
  readonly length: number
  readonly #bytes: Uint8Array
  #count = 0

  /** An empty set of `length` bits, or a copy of `bytes` (shorter input is padded, spare bits are cleared). */
  constructor(length: number, bytes?: Uint8Array) {
    if (!Number.isSafeInteger(length) || length < 0) throw new TypeError(`bitfield length ${length}`)
    this.length = length
    this.#bytes = new Uint8Array(Math.ceil(length / 8))
    if (bytes === undefined) return
    this.#bytes.set(bytes.subarray(0, this.#bytes.length))
    const spare = this.#bytes.length * 8 - length
    const last = this.#bytes.length - 1
    if (spare > 0) this.#bytes[last] = (this.#bytes[last] ?? 0) & (0xff << spare)
    for (const byte of this.#bytes) this.#count += popCount(byte)
  }

  /** How many bits are set. */
  get count(): number {
    return this.#count
  }

  get isFull(): boolean {
    return this.#count === this.length
  }

  get isEmpty(): boolean {
    return this.#count === 0
  }

  has(index: number): boolean {
    return index >= 0 && index < this.length && ((this.#bytes[index >> 3] ?? 0) & (0x80 >> (index & 7))) !== 0
  }

  /** Sets a bit; true if it was clear before. Throws a RangeError outside the length. */
  set(index: number): boolean {
    this.#check(index)
    if (this.has(index)) return false
    this.#bytes[index >> 3] = (this.#bytes[index >> 3] ?? 0) | (0x80 >> (index & 7))
    this.#count += 1
    return true
  }

  /** Clears a bit; true if it was set before. Throws a RangeError outside the length. */
  clear(index: number): boolean {
    this.#check(index)
    if (!this.has(index)) return false
    this.#bytes[index >> 3] = (this.#bytes[index >> 3] ?? 0) & ~(0x80 >> (index & 7))
    this.#count -= 1
    return true
  }

  setAll(): void {
    for (let index = 0; index < this.length; index += 1) this.set(index)
  }

  /** The set bits in ascending order. */
  *ones(): Generator<number> {
    for (let index = 0; index < this.length; index += 1) if (this.has(index)) yield index
  }

  /** The clear bits in ascending order. */
  *zeros(): Generator<number> {
    for (let index = 0; index < this.length; index += 1) if (!this.has(index)) yield index
  }

  /** A copy of the bytes, `ceil(length / 8)` long. */
  toBytes(): Uint8Array {
    return this.#bytes.slice()
  }

  #check(index: number): void {
    if (!Number.isInteger(index) || index < 0 || index >= this.length) {
      throw new RangeError(`bit ${index} of ${this.length}`)
    }
  }
}

function popCount(byte: number): number {
  let count = 0
  for (let rest = byte; rest !== 0; rest &= rest - 1) count += 1
  return count
}
