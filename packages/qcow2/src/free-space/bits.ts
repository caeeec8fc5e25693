/** How many bits of a byte are 0. */
const CLEAR_BITS = Uint8Array.from({ length: 256 }, (_, byte) => {
  let clear = 8
  for (let rest = byte; rest > 0; rest >>= 1) clear -= rest & 1
  return clear
})

/**
 * Bitmaps as ext4 has them: bit 0 is the least significant of byte 0. Sets the bits from `from` up to, not with, `to`.
 */
export function setBits(bitmap: Buffer, from: number, to: number): void {
  const set = (bit: number) => bitmap.writeUInt8(bitmap.readUInt8(bit >> 3) | (1 << (bit & 7)), bit >> 3)
  let at = from
  for (; at < to && at % 8 !== 0; at += 1) set(at)
  if (at < to) {
    const whole = to - (to % 8)
    bitmap.fill(0xff, at / 8, whole / 8)
    for (at = whole; at < to; at += 1) set(at)
  }
}

/** How many of the first `bits` are 0. */
export function countClearBits(bitmap: Buffer, bits: number): number {
  const whole = bits >> 3
  let count = 0
  for (let at = 0; at < whole; at += 1) count += CLEAR_BITS[bitmap[at] ?? 0] ?? 0
  const beyond = 0xff << (bits & 7)
  return count + (CLEAR_BITS[((bitmap[whole] ?? 0) | beyond) & 0xff] ?? 0)
}

/** The runs of bits that are 0 among the first `bits`, each from its first bit up to, not with, the next that is 1. */
export function* clearRuns(bitmap: Buffer, bits: number): Generator<readonly [from: number, to: number]> {
  for (let from = findBit(bitmap, 0, bits, 0); from < bits; ) {
    const to = findBit(bitmap, from, bits, 1)
    yield [from, to]
    from = findBit(bitmap, to, bits, 0)
  }
}

/** The first bit from `start` on that has a value; `bits` when there is none. */
function findBit(bitmap: Buffer, start: number, bits: number, value: 0 | 1): number {
  const without = value === 1 ? 0x00 : 0xff
  for (let at = start; at < bits; ) {
    const byte = bitmap[at >> 3] ?? without
    if ((at & 7) === 0 && byte === without) at += 8
    else if (((byte >> (at & 7)) & 1) === value) return at
    else at += 1
  }
  return bits
}
