import type { BaseImage } from './base-images.ts'
import type { Patch } from './patch.ts'
import type { Prng } from './prng.ts'

/** Fields of the header: offset and bytes. */
const FIELDS: readonly [[number, 1 | 4 | 8], ...[number, 1 | 4 | 8][]] = [
  [0, 4],
  [4, 4],
  [8, 8],
  [16, 4],
  [20, 4],
  [24, 8],
  [32, 4],
  [36, 4],
  [40, 8],
  [48, 8],
  [56, 4],
  [60, 4],
  [64, 8],
  [72, 8],
  [80, 8],
  [88, 8],
  [96, 4],
  [100, 4],
  [104, 1],
]
const EXTENSIONS: readonly [number, ...number[]] = [0, 0x44415441, 0x23852875, 0x0537be77, 0xe2792aca, 0x6803f857, 7]
const SIGNATURES: readonly [[number, string], ...[number, string][]] = [
  [64, '\x7f\x10\xda\xbe'],
  [510, '\x55\xaa'],
  [512, 'EFI PART'],
  [32_769, 'CD001'],
  [0, 'KDMV'],
  [0, 'conectix'],
]
const MAX_U64 = 0xffff_ffff_ffff_ffffn

type Mutation = (image: BaseImage, random: Prng, patch: Patch, others: readonly [BaseImage, ...BaseImage[]]) => void

const MUTATIONS: readonly [Mutation, ...Mutation[]] = [
  mutateField,
  mutateField,
  mutateEntry,
  mutateEntry,
  mutateEntry,
  copyEntry,
  insertExtensions,
  splice,
  scribble,
  sign,
]

/** Changes one thing of an image as an attacker would who knows the format. */
export function mutateImage(...[image, random, patch, others]: Parameters<Mutation>): void {
  random.pick(MUTATIONS)(image, random, patch, others)
}

function mutateField(image: BaseImage, random: Prng, patch: Patch): void {
  const [offset, length] = random.pick(FIELDS)
  patch.write(offset, encode(valueFor(image, random, readNumber(image.bytes, offset, length)), length))
}

function mutateEntry(image: BaseImage, random: Prng, patch: Patch): void {
  const { offset, entries, entryBytes } = random.pick(image.tables)
  const at = offset + random.below(entries) * entryBytes
  const before = readNumber(image.bytes, at, entryBytes)
  patch.write(at, encode(random.once(3) ? entryFor(image, random) : valueFor(image, random, before), entryBytes))
}

/** Two entries that name the same, in one table or in two. */
function copyEntry(image: BaseImage, random: Prng, patch: Patch): void {
  const from = random.pick(image.tables)
  const to = random.pick(image.tables)
  const at = from.offset + random.below(from.entries) * from.entryBytes
  const entry = Buffer.from(image.bytes.subarray(at, at + from.entryBytes))
  patch.write(to.offset + random.below(to.entries) * to.entryBytes, entry)
}

function insertExtensions({ bytes, headerBytes }: BaseImage, random: Prng, patch: Patch): void {
  let at = headerBytes
  for (let left = 1 + random.below(3); left > 0; left -= 1) {
    const length = random.once(4) ? random.bits() : random.below(64)
    patch.write(at, Buffer.concat([encode(BigInt(random.pick(EXTENSIONS)), 4), encode(BigInt(length), 4)]))
    at += 8 + Math.ceil(Math.min(length, bytes.length) / 8) * 8
  }
  if (!random.once(4)) patch.write(at, Buffer.alloc(8))
}

/** Some clusters of another image. */
function splice(image: BaseImage, random: Prng, patch: Patch, others: readonly [BaseImage, ...BaseImage[]]): void {
  const other = random.pick(others)
  const length = random.pick([8, 64, 512, 4096])
  const from = random.below(other.bytes.length / 8) * 8
  const to = random.once(2) ? from : random.below(image.bytes.length / 8) * 8
  patch.write(to, Buffer.from(other.bytes.subarray(from, from + length)))
}

function scribble(image: BaseImage, random: Prng, patch: Patch): void {
  const limit = random.once(2) ? 128 : image.bytes.length
  for (let left = 1 + random.below(4); left > 0; left -= 1) {
    patch.write(random.below(limit), Buffer.from([random.bits() & 0xff]))
  }
}

function sign(_: BaseImage, random: Prng, patch: Patch): void {
  const [offset, magic] = random.pick(SIGNATURES)
  patch.write(offset, Buffer.from(magic, 'latin1'))
}

/** Values that lie at the edges of something, near what was there, or anywhere. */
function valueFor(image: BaseImage, random: Prng, before: bigint): bigint {
  const kind = random.below(8)
  if (kind === 0) return before ^ (1n << BigInt(random.below(64)))
  if (kind === 1) return before + BigInt(random.below(17) - 8)
  if (kind === 2) return (BigInt(random.bits()) << 32n) | BigInt(random.bits())
  if (kind === 3) return BigInt(random.below(65_536))
  if (kind === 4) return 1n << BigInt(random.below(64))
  if (kind === 5) return BigInt(image.bytes.length) + BigInt((random.below(5) - 2) * image.clusterBytes)
  if (kind === 6) return random.pick([0n, 1n, 2n, 3n, 7n, 8n, 9n, 21n, 104n, 512n, MAX_U64])
  return BigInt(random.below(image.bytes.length / image.clusterBytes) * image.clusterBytes)
}

/** An entry that could be one: a cluster of the file, with flags that are known. */
function entryFor(image: BaseImage, random: Prng): bigint {
  const host = BigInt(random.below(image.bytes.length / image.clusterBytes) * image.clusterBytes)
  const kind = random.below(4)
  if (kind === 0) return host | (1n << 63n)
  if (kind === 1) return host | (1n << 63n) | 1n
  if (kind === 2) return host
  const offsetBits = BigInt(62 - (Math.log2(image.clusterBytes) - 8))
  const sectors = BigInt(random.below(Math.max(2, image.clusterBytes / 256)))
  return (1n << 62n) | (sectors << offsetBits) | (host + BigInt(random.below(image.clusterBytes)))
}

function readNumber(bytes: Buffer, offset: number, length: 1 | 4 | 8): bigint {
  if (offset + length > bytes.length) return 0n
  if (length === 8) return bytes.readBigUInt64BE(offset)
  return BigInt(length === 4 ? bytes.readUInt32BE(offset) : bytes.readUInt8(offset))
}

function encode(value: bigint, length: 1 | 4 | 8): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt.asUintN(64, value))
  return bytes.subarray(8 - length)
}
