/** Numbers at which parsers go wrong, for one to eight bytes. */
const NUMBERS = [0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff]
const DIGITS = ['-1', '0', '00', '4294967296', '9007199254740993', '99999999999999999999', '1e9', '-0', '+1'].map(
  (text) => Buffer.from(text),
)
const NOTHING = new Uint8Array()
const MAX_CHANGES = 6
const MAX_BYTES = 8192

/** Chance from 0 up to 1, replayed from its seed (mulberry32). */
export function chance(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Where inputs are changed: millions of them are made, and each change of a length would be a copy. */
const scratch = Buffer.alloc(MAX_BYTES)

/** An input made of one of the corpus by a few changes; the same for the same seed. */
export function mutate(corpus: readonly Uint8Array[], words: readonly string[], seed: number): Buffer {
  const random = chance(seed)
  const below = (count: number) => Math.floor(random() * count)
  const one = () => corpus[below(corpus.length)] ?? new Uint8Array()
  let length = 0
  const put = (at: number, dropped: number, added: Uint8Array) => {
    const behind = Math.min(length, at + dropped)
    const size = Math.min(added.length, MAX_BYTES - at)
    scratch.copyWithin(at + size, behind, length)
    scratch.set(added.subarray(0, size), at)
    length = Math.min(MAX_BYTES, at + size + length - behind)
  }
  put(0, 0, one())
  for (let left = 1 + below(MAX_CHANGES); left > 0; left -= 1) {
    const at = below(length + 1)
    switch (below(10)) {
      case 0:
      case 1:
        if (at < length) scratch[at] = (scratch[at] ?? 0) ^ (1 << below(8))
        break
      case 2:
        if (at < length) scratch[at] = below(256)
        break
      case 3:
        put(at, below(8), NOTHING)
        break
      case 4: {
        const from = below(length + 1)
        put(at, 0, Uint8Array.from(scratch.subarray(from, Math.min(length, from + 1 + below(32)))))
        break
      }
      case 5:
        setNumber(scratch.subarray(0, length), at, NUMBERS[below(NUMBERS.length)] ?? 0, below(4))
        break
      case 6:
        // Most parsers look no further at what is cut.
        if (below(4) === 0) length = at
        break
      case 7: {
        const other = one()
        put(at, length, other.subarray(below(other.length + 1)))
        break
      }
      case 8: {
        const word = words[below(words.length)]
        if (word !== undefined) put(at, below(2) * word.length, Buffer.from(word, 'latin1'))
        break
      }
      default: {
        const digits = digitsFrom(scratch, at, length)
        if (digits !== undefined) put(digits.start, digits.length, DIGITS[below(DIGITS.length)] ?? NOTHING)
      }
    }
  }
  return Buffer.from(scratch.subarray(0, length))
}

/** 1, 2, 4 or 8 bytes, the last with the number in its lower half. */
function setNumber(input: Buffer, at: number, value: number, power: number): void {
  const width = 2 ** power
  if (at + width > input.length) return
  if (width === 8) input.writeBigUInt64BE((BigInt(value) << 32n) | 0xffffffffn, at)
  else input.writeUIntBE(value % 2 ** (8 * width), at, width)
}

/** The next number in decimal digits, if there is one near. */
function digitsFrom(input: Buffer, at: number, end: number): { start: number; length: number } | undefined {
  const isDigit = (place: number) => place < end && (input[place] ?? 0) >= 0x30 && (input[place] ?? 0) <= 0x39
  let start = at
  while (start < end && start < at + 64 && !isDigit(start)) start += 1
  let after = start
  while (isDigit(after)) after += 1
  return after === start ? undefined : { start, length: after - start }
}
