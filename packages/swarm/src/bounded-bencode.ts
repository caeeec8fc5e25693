import bencode from 'bencode'

export interface BencodeBounds {
  /** Bytes of the value. */
  readonly maxBytes: number
  /** Lists and dictionaries inside one another. */
  readonly maxDepth: number
  /** Values in all, keys among them: each costs far more memory decoded than the two bytes that it may have here. */
  readonly maxValues: number
}

/** What the messages that Shoal knows need, several times over. */
export const MESSAGE_BOUNDS: BencodeBounds = { maxBytes: 16 * 1024, maxDepth: 6, maxValues: 1024 }

const INTEGER = 0x69
const LIST = 0x6c
const DICTIONARY = 0x64
const END = 0x65
const COLON = 0x3a
const MINUS = 0x2d
const ZERO = 0x30
const NINE = 0x39
/** Nothing that is bounded here has a longer length. */
const MAX_LENGTH_DIGITS = 9
/** Decoded objects take this name for their prototype. */
const PROTOTYPE = Buffer.from('__proto__')

/**
 * Where the bencoded value (BEP 3) at the start of `bytes` ends; `undefined` when there is none or one that exceeds the bounds. Needed
 * before the `bencode` library sees bytes of others: that takes negative lengths, with which a list of four bytes (`l-3:`) is read for ever, strings
 * that end behind the data, and any depth. Keys need not be sorted, lengths and integers may begin with zeros: other clients send such.
 */
export function bencodeEnd(bytes: Uint8Array, { maxBytes, maxDepth, maxValues }: BencodeBounds): number | undefined {
  const limit = Math.min(bytes.length, maxBytes)
  /** For each open list and dictionary, whether it is a dictionary. */
  const open: boolean[] = []
  let isKeyNext = false
  let values = 0
  let at = 0
  while (at < limit) {
    const byte = bytes[at]
    if (byte === END && open.length > 0) {
      // A key without its value: the dictionary waits for what is not there.
      if (open.at(-1) === true && !isKeyNext) return undefined
      open.pop()
      at += 1
    } else {
      values += 1
      if (values > maxValues) return undefined
      if (byte === LIST || byte === DICTIONARY) {
        if (isKeyNext || open.length === maxDepth) return undefined
        open.push(byte === DICTIONARY)
        isKeyNext = byte === DICTIONARY
        at += 1
        continue
      }
      const end: number | undefined = byte === INTEGER ? integerEnd(bytes, at + 1, limit) : stringEnd(bytes, at, limit)
      if (end === undefined || (isKeyNext && (byte === INTEGER || isPrototype(bytes, at, end)))) return undefined
      at = end
      if (isKeyNext) {
        isKeyNext = false
        continue
      }
    }
    if (open.length === 0) return at
    isKeyNext = open.at(-1) === true
  }
  return undefined
}

/** The value at the start of `bytes` and where it ends, as `bencode` decodes it; `undefined` for what {@link bencodeEnd} refuses. */
export function decodeBencode(bytes: Uint8Array, bounds: BencodeBounds): { value: unknown; end: number } | undefined {
  const end = bencodeEnd(bytes, bounds)
  return end === undefined ? undefined : { value: bencode.decode(bytes.subarray(0, end)), end }
}

/** As {@link decodeBencode} for a dictionary with nothing behind it. */
export function decodeDictionary(bytes: Uint8Array, bounds: BencodeBounds): Record<string, unknown> | undefined {
  if (bytes[0] !== DICTIONARY) return undefined
  const decoded = decodeBencode(bytes, bounds)
  return decoded?.end === bytes.length ? (decoded.value as Record<string, unknown>) : undefined
}

function integerEnd(bytes: Uint8Array, start: number, limit: number): number | undefined {
  const isNegative = bytes[start] === MINUS
  const first = isNegative ? start + 1 : start
  let value = 0
  let at = first
  for (; at < limit && isDigit(bytes[at]); at += 1) {
    value = value * 10 + ((bytes[at] ?? 0) - ZERO)
    // Beyond it the library's numbers are others than those that were sent.
    if (value > Number.MAX_SAFE_INTEGER) return undefined
  }
  return at > first && at < limit && bytes[at] === END ? at + 1 : undefined
}

function stringEnd(bytes: Uint8Array, start: number, limit: number): number | undefined {
  let length = 0
  let at = start
  for (; at < limit && isDigit(bytes[at]); at += 1) {
    if (at - start === MAX_LENGTH_DIGITS) return undefined
    length = length * 10 + (bytes[at] ?? 0) - ZERO
  }
  if (at === start || at >= limit || bytes[at] !== COLON) return undefined
  const end = at + 1 + length
  return end <= limit ? end : undefined
}

function isPrototype(bytes: Uint8Array, start: number, end: number): boolean {
  const keyAt = end - PROTOTYPE.length
  return keyAt > start && bytes[keyAt - 1] === COLON && PROTOTYPE.equals(bytes.subarray(keyAt, end))
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE
}
