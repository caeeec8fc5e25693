import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { type Digest, digestBytes, digestFromBytes } from './digest.ts'
import { coreError } from './errors.ts'
import { MANIFEST_LIMITS, publicKeyId } from './manifest.ts'

/** A layer as boot blocks know it. */
export interface BootLayer {
  readonly digest: Digest
  /** What the runs count in: a node's manifest of the layer may have another block length. */
  readonly blockLengthBytes: number
  readonly blocks: number
}

/** Blocks of one layer that follow one another. */
export interface BootRun {
  readonly digest: Digest
  readonly firstBlock: number
  readonly blocks: number
  /** Part of the recorded boots that read them: above 0, at most 1; exact to 1 in 65,535. */
  readonly score: number
}

/**
 * What a boot reads of the layers of a disk, in the order in which to fetch it. Byte-level format:
 * docs/formats/boot-blocks.md.
 */
export interface BootBlocks {
  /** Grows with every change. */
  readonly revision: number
  /** Boots that they were made of. */
  readonly recordings: number
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number
  /** The base first. */
  readonly layers: readonly BootLayer[]
  /** No block is in two of them. */
  readonly runs: readonly BootRun[]
}

const MAGIC = Buffer.from('SHOALBB\0', 'latin1')
const VERSION = 1
const HEADER_BYTES = 40
const LAYER_BYTES = 40
const RUN_BYTES = 12
const KEY_ID_BYTES = 8
const SIGNATURE_BYTES = 64
const TRAILER_BYTES = KEY_ID_BYTES + SIGNATURE_BYTES
const FULL_SCORE = 65_535

/** Bounds on what boot blocks may hold; 131,072 blocks of 256 KiB are 32 GiB. */
export const BOOT_BLOCKS_LIMITS = { layers: 2, runs: 65_536, blocks: 131_072, recordings: 65_535 } as const

/** The most bytes that encoded boot blocks have. */
export const MAX_BOOT_BLOCKS_BYTES =
  HEADER_BYTES + LAYER_BYTES * BOOT_BLOCKS_LIMITS.layers + RUN_BYTES * BOOT_BLOCKS_LIMITS.runs + TRAILER_BYTES

/** Encodes and signs boot blocks with an Ed25519 private key (RFC 8032). Throws `SHOAL_BOOT_BLOCKS_INVALID`. */
export function encodeBootBlocks(bootBlocks: BootBlocks, privateKey: KeyObject): Uint8Array {
  const fault = findFault(bootBlocks)
  if (fault !== undefined) throw coreError('SHOAL_BOOT_BLOCKS_INVALID', { reason: fault })
  const { layers, runs } = bootBlocks
  const runsAt = HEADER_BYTES + layers.length * LAYER_BYTES
  const body = Buffer.alloc(runsAt + runs.length * RUN_BYTES)
  MAGIC.copy(body, 0)
  body.writeUInt16BE(VERSION, 8)
  body.writeUInt16BE(bootBlocks.recordings, 12)
  body.writeUInt16BE(layers.length, 14)
  body.writeBigUInt64BE(BigInt(bootBlocks.revision), 16)
  body.writeBigUInt64BE(BigInt(bootBlocks.createdAt), 24)
  body.writeUInt32BE(runs.length, 32)
  for (const [index, { digest, blockLengthBytes, blocks }] of layers.entries()) {
    const at = HEADER_BYTES + index * LAYER_BYTES
    body.set(digestBytes(digest), at)
    body.writeUInt32BE(blockLengthBytes, at + 32)
    body.writeUInt32BE(blocks, at + 36)
  }
  const places = new Map(layers.map(({ digest }, index) => [digest, index]))
  for (const [index, { digest, firstBlock, blocks, score }] of runs.entries()) {
    const at = runsAt + index * RUN_BYTES
    body.writeUInt32BE(firstBlock, at)
    body.writeUInt32BE(blocks, at + 4)
    body.writeUInt16BE(places.get(digest) ?? 0, at + 8)
    body.writeUInt16BE(Math.max(1, Math.round(score * FULL_SCORE)), at + 10)
  }
  return Buffer.concat([body, publicKeyId(createPublicKey(privateKey)), sign(null, body, privateKey)])
}

/**
 * Decodes boot blocks and checks their signature against the trusted Ed25519 public keys. Throws
 * `SHOAL_BOOT_BLOCKS_INVALID` or `SHOAL_BOOT_BLOCKS_SIGNATURE`.
 */
export function decodeBootBlocks(encoded: Uint8Array, trustedKeys: readonly KeyObject[]): BootBlocks {
  const bytes = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength)
  const bootBlocks = parse(bytes)
  const body = bytes.subarray(0, bytes.length - TRAILER_BYTES)
  const keyId = bytes.subarray(body.length, body.length + KEY_ID_BYTES)
  const key = trustedKeys.find((candidate) => publicKeyId(candidate).equals(keyId))
  if (key === undefined || !verify(null, body, key, bytes.subarray(body.length + KEY_ID_BYTES))) {
    throw coreError('SHOAL_BOOT_BLOCKS_SIGNATURE', { keyId: keyId.toString('hex') })
  }
  return bootBlocks
}

function parse(bytes: Buffer): BootBlocks {
  const invalid = (reason: string) => coreError('SHOAL_BOOT_BLOCKS_INVALID', { reason })
  if (bytes.length < HEADER_BYTES + TRAILER_BYTES) throw invalid('they are too short')
  if (!bytes.subarray(0, 8).equals(MAGIC)) throw invalid('they do not start with the magic')
  if (bytes.readUInt16BE(8) !== VERSION) throw invalid(`version ${bytes.readUInt16BE(8)} is not known`)
  if (bytes.readUInt16BE(10) !== 0) throw invalid('they need features that are not known')
  if (bytes.readUInt32BE(36) !== 0) throw invalid('reserved bytes are set')
  const layerCount = bytes.readUInt16BE(14)
  const runCount = bytes.readUInt32BE(32)
  // Before anything is allocated by what they claim.
  if (layerCount > BOOT_BLOCKS_LIMITS.layers) throw invalid('they have too many layers')
  if (runCount > BOOT_BLOCKS_LIMITS.runs) throw invalid('they have too many runs')
  const runsAt = HEADER_BYTES + layerCount * LAYER_BYTES
  const length = runsAt + runCount * RUN_BYTES + TRAILER_BYTES
  if (bytes.length !== length) throw invalid('their length does not fit their counts')
  const layers = Array.from({ length: layerCount }, (_, index) => readLayer(bytes, HEADER_BYTES + index * LAYER_BYTES))
  const runs = Array.from({ length: runCount }, (_, index): BootRun => {
    const at = runsAt + index * RUN_BYTES
    const layer = layers[bytes.readUInt16BE(at + 8)]
    if (layer === undefined) throw invalid(`run ${index} is of a layer that is not there`)
    const score = bytes.readUInt16BE(at + 10) / FULL_SCORE
    return { digest: layer.digest, firstBlock: bytes.readUInt32BE(at), blocks: bytes.readUInt32BE(at + 4), score }
  })
  const bootBlocks = {
    revision: Number(bytes.readBigUInt64BE(16)),
    recordings: bytes.readUInt16BE(12),
    createdAt: Number(bytes.readBigUInt64BE(24)),
    layers,
    runs,
  }
  const fault = findFault(bootBlocks)
  if (fault !== undefined) throw invalid(fault)
  return bootBlocks
}

function readLayer(bytes: Buffer, at: number): BootLayer {
  return {
    digest: digestFromBytes(bytes.subarray(at, at + 32)),
    blockLengthBytes: bytes.readUInt32BE(at + 32),
    blocks: bytes.readUInt32BE(at + 36),
  }
}

function findFault({ revision, recordings, createdAt, layers, runs }: BootBlocks): string | undefined {
  if (!isWithin(revision, 1, Number.MAX_SAFE_INTEGER)) return 'their revision is out of bounds'
  if (!isWithin(recordings, 1, BOOT_BLOCKS_LIMITS.recordings)) return 'their number of recordings is out of bounds'
  if (!isWithin(createdAt, 0, Number.MAX_SAFE_INTEGER)) return 'their date is out of bounds'
  if (!isWithin(layers.length, 1, BOOT_BLOCKS_LIMITS.layers)) return 'their number of layers is out of bounds'
  if (runs.length > BOOT_BLOCKS_LIMITS.runs) return 'they have too many runs'
  const known = new Map(layers.map((layer) => [layer.digest, layer]))
  if (known.size !== layers.length) return 'they name a layer twice'
  const [minLength, maxLength] = MANIFEST_LIMITS.blockLengthBytes
  for (const { blockLengthBytes, blocks } of layers) {
    const isLength = isWithin(blockLengthBytes, minLength, maxLength) && Math.log2(blockLengthBytes) % 1 === 0
    if (!isLength) return 'a block length is not a power of two within bounds'
    if (!isWithin(blocks, 1, MANIFEST_LIMITS.blocks)) return 'a number of blocks is out of bounds'
  }
  let total = 0
  for (const { digest, firstBlock, blocks, score } of runs) {
    const count = known.get(digest)?.blocks
    if (count === undefined) return 'a run is of a layer that is not there'
    if (!isWithin(firstBlock, 0, count - 1) || !isWithin(blocks, 1, count - firstBlock)) {
      return 'a run is out of bounds'
    }
    if (!(score > 0 && score <= 1)) return 'a score is out of bounds'
    total += blocks
  }
  if (total > BOOT_BLOCKS_LIMITS.blocks) return 'they have too many blocks'
  return hasOverlap(runs) ? 'a block is in two runs' : undefined
}

function hasOverlap(runs: readonly BootRun[]): boolean {
  const sorted = [...runs].sort((a, b) => {
    if (a.digest !== b.digest) return a.digest < b.digest ? -1 : 1
    return a.firstBlock - b.firstBlock
  })
  return sorted.some(({ digest, firstBlock }, index) => {
    const before = sorted[index - 1]
    return before !== undefined && before.digest === digest && before.firstBlock + before.blocks > firstBlock
  })
}

function isWithin(value: number, min: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= min && value <= max
}
