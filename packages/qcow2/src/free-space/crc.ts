/** A cyclic redundancy check that goes on from a value, without inverting it before or after. */
export type Crc = (data: Buffer, value: number) => number

/** CRC-32C (Castagnoli; RFC 3720, appendix B.4). */
export const crc32c = reflectedCrc(0x82f63b78)

/** CRC-16 as ext4 has it: x^16 + x^15 + x^2 + 1. */
export const crc16 = reflectedCrc(0xa001)

/** Byte by byte with a table, least significant bit first; `polynomial` has its bits in that order too. */
function reflectedCrc(polynomial: number): Crc {
  const table = Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = byte
    for (let bit = 0; bit < 8; bit += 1) value = (value >>> 1) ^ ((value & 1) === 1 ? polynomial : 0)
    return value
  })
  return (data, start) => {
    let value = start
    // By index: an iterator is several times slower.
    for (let at = 0; at < data.length; at += 1) {
      value = (value >>> 8) ^ (table[(value ^ (data[at] ?? 0)) & 0xff] ?? 0)
    }
    return value >>> 0
  }
}
