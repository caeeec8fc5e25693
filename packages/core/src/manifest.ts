import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { MAX_BLOCK_BYTES } from './block-buffer.ts'
import { type Digest, digestBytes, digestFromBytes } from './digest.ts'
import { coreError } from './errors.ts'
import { blockCount, type Geometry } from './geometry.ts'

export type LayerFormat = 'raw' | 'qcow2'
export type LayerKind = 'base' | 'middle'

/**
 * What makes a layer checkable, block by block. Byte-level format: docs/formats/manifest.md.
 * `blockHashes` holds the blocks' SHA-256, 32 bytes each, in order.
 */
export interface Manifest extends Geometry {
  readonly digest: Digest
  readonly parent: Digest | null
  readonly kind: LayerKind
  readonly format: LayerFormat
  /** Size of the disk a VM sees. */
  readonly virtualSizeBytes: number
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number
  /** BitTorrent v1 info hash, 40 lower-case hexadecimal digits. */
  readonly infoHash: string
  readonly blockHashes: Uint8Array
}

const MAGIC = Buffer.from('SHOALMF\0', 'latin1')
const VERSION = 1
const HEADER_BYTES = 144
const KEY_ID_BYTES = 8
const SIGNATURE_BYTES = 64
const TRAILER_BYTES = KEY_ID_BYTES + SIGNATURE_BYTES
export const MANIFEST_TRAILER_BYTES = TRAILER_BYTES
const FORMATS: readonly LayerFormat[] = ['raw', 'qcow2']
const KINDS: readonly LayerKind[] = ['base', 'middle']

/** Bounds on what a manifest may claim: 16 TiB, blocks of 4 to 256 KiB, 4,194,304 blocks (128 MiB of hashes). */
export const MANIFEST_LIMITS = {
  sizeBytes: 16 * 1024 ** 4,
  blockLengthBytes: [4096, MAX_BLOCK_BYTES],
  pieceLengthBytes: [4096, 64 * 1024 ** 2],
  blocks: 4 * 1024 ** 2,
} as const

/** Encodes and signs a manifest with an Ed25519 private key (RFC 8032). */
export function encodeManifest(manifest: Manifest, privateKey: KeyObject): Uint8Array {
  const fault = findFault(manifest)
  if (fault !== undefined) throw coreError('SHOAL_MANIFEST_INVALID', { reason: fault })
  const body = Buffer.alloc(HEADER_BYTES + manifest.blockHashes.length)
  MAGIC.copy(body, 0)
  body.writeUInt16BE(VERSION, 8)
  body.writeUInt16BE(0, 10)
  body.writeUInt8(FORMATS.indexOf(manifest.format) + 1, 12)
  body.writeUInt8(KINDS.indexOf(manifest.kind) + 1, 13)
  body.writeBigUInt64BE(BigInt(manifest.sizeBytes), 16)
  body.writeBigUInt64BE(BigInt(manifest.virtualSizeBytes), 24)
  body.writeUInt32BE(manifest.blockLengthBytes, 32)
  body.writeUInt32BE(manifest.pieceLengthBytes, 36)
  body.writeBigUInt64BE(BigInt(manifest.createdAt), 40)
  body.set(digestBytes(manifest.digest), 48)
  if (manifest.parent !== null) body.set(digestBytes(manifest.parent), 80)
  body.set(Buffer.from(manifest.infoHash, 'hex'), 112)
  body.writeUInt32BE(blockCount(manifest), 132)
  body.set(manifest.blockHashes, HEADER_BYTES)
  return Buffer.concat([body, publicKeyId(createPublicKey(privateKey)), sign(null, body, privateKey)])
}

/**
 * Decodes a manifest and checks its signature against the trusted Ed25519 public keys.
 * Throws `SHOAL_MANIFEST_INVALID` or `SHOAL_MANIFEST_SIGNATURE`.
 */
export function decodeManifest(encoded: Uint8Array, trustedKeys: readonly KeyObject[]): Manifest {
  const bytes = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength)
  const manifest = parse(bytes)
  const body = bytes.subarray(0, bytes.length - TRAILER_BYTES)
  const keyId = bytes.subarray(body.length, body.length + KEY_ID_BYTES)
  const signature = bytes.subarray(body.length + KEY_ID_BYTES)
  const key = trustedKeys.find((candidate) => publicKeyId(candidate).equals(keyId))
  if (key === undefined || !verify(null, body, key, signature)) {
    throw coreError('SHOAL_MANIFEST_SIGNATURE', { digest: manifest.digest, keyId: keyId.toString('hex') })
  }
  return manifest
}

/** What ends a manifest that was encoded before when another Ed25519 private key signs it: its last {@link MANIFEST_TRAILER_BYTES}. */
export function manifestTrailer(encoded: Uint8Array, privateKey: KeyObject): Uint8Array {
  const body = encoded.subarray(0, encoded.length - TRAILER_BYTES)
  return Buffer.concat([publicKeyId(createPublicKey(privateKey)), sign(null, body, privateKey)])
}

/** The expected SHA-256 of a block. */
export function blockHash(manifest: Manifest, block: number): Uint8Array {
  return manifest.blockHashes.subarray(block * 32, block * 32 + 32)
}

/** The first 8 bytes of the SHA-256 of the raw 32-byte Ed25519 public key. */
export function publicKeyId(publicKey: KeyObject): Buffer {
  return createHash('sha256').update(encodePublicKey(publicKey), 'base64url').digest().subarray(0, KEY_ID_BYTES)
}

/** An Ed25519 public key as configuration and API show it: base64url of its 32 bytes. */
export function encodePublicKey(publicKey: KeyObject): string {
  const { x } = publicKey.export({ format: 'jwk' })
  if (x === undefined) throw new TypeError('not an Ed25519 key')
  return x
}

/** Parses what {@link encodePublicKey} made. Throws a TypeError or the crypto library's error. */
export function decodePublicKey(text: string): KeyObject {
  return createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x: text } })
}

function parse(bytes: Buffer): Manifest {
  const invalid = (reason: string) => coreError('SHOAL_MANIFEST_INVALID', { reason })
  if (bytes.length < HEADER_BYTES + TRAILER_BYTES) throw invalid('it is too short')
  if (!bytes.subarray(0, 8).equals(MAGIC)) throw invalid('it does not start with the magic')
  if (bytes.readUInt16BE(8) !== VERSION) throw invalid(`version ${bytes.readUInt16BE(8)} is not known`)
  if (bytes.readUInt16BE(10) !== 0) throw invalid('it needs features that are not known')
  const format = FORMATS[bytes.readUInt8(12) - 1]
  const kind = KINDS[bytes.readUInt8(13) - 1]
  if (format === undefined || kind === undefined) throw invalid('its format or kind is not known')
  if (bytes.readUInt16BE(14) !== 0 || bytes.readBigUInt64BE(136) !== 0n) throw invalid('reserved bytes are set')
  const parent = bytes.subarray(80, 112)
  const manifest: Manifest = {
    format,
    kind,
    sizeBytes: Number(bytes.readBigUInt64BE(16)),
    virtualSizeBytes: Number(bytes.readBigUInt64BE(24)),
    blockLengthBytes: bytes.readUInt32BE(32),
    pieceLengthBytes: bytes.readUInt32BE(36),
    createdAt: Number(bytes.readBigUInt64BE(40)),
    digest: digestFromBytes(bytes.subarray(48, 80)),
    parent: parent.every((byte) => byte === 0) ? null : digestFromBytes(parent),
    infoHash: bytes.subarray(112, 132).toString('hex'),
    blockHashes: bytes.subarray(HEADER_BYTES, bytes.length - TRAILER_BYTES),
  }
  const fault = findFault(manifest)
  if (fault !== undefined) throw invalid(fault)
  if (bytes.readUInt32BE(132) !== blockCount(manifest)) throw invalid('its block count does not fit its size')
  return manifest
}

function findFault(manifest: Manifest): string | undefined {
  const { sizeBytes, virtualSizeBytes, blockLengthBytes, pieceLengthBytes } = manifest
  const [minBlock, maxBlock] = MANIFEST_LIMITS.blockLengthBytes
  const isSize = (value: number) => Number.isSafeInteger(value) && value >= 1 && value <= MANIFEST_LIMITS.sizeBytes
  if (!isSize(sizeBytes)) return 'its size is out of bounds'
  if (!isSize(virtualSizeBytes)) return 'its virtual size is out of bounds'
  if (!isPowerOfTwo(blockLengthBytes) || blockLengthBytes < minBlock || blockLengthBytes > maxBlock) {
    return 'its block length is not a power of two within bounds'
  }
  if (!isPowerOfTwo(pieceLengthBytes) || pieceLengthBytes < blockLengthBytes) {
    return 'its piece length is not a power of two of at least the block length'
  }
  if (pieceLengthBytes > MANIFEST_LIMITS.pieceLengthBytes[1]) return 'its piece length is out of bounds'
  if (blockCount(manifest) > MANIFEST_LIMITS.blocks) return 'it has too many blocks'
  if (manifest.blockHashes.length !== blockCount(manifest) * 32) return 'its block hashes do not fit its size'
  if (!Number.isSafeInteger(manifest.createdAt) || manifest.createdAt < 0) return 'its date is out of bounds'
  if (!/^[0-9a-f]{40}$/.test(manifest.infoHash)) return 'its info hash is malformed'
  if ((manifest.kind === 'middle') !== (manifest.parent !== null)) return 'a middle has a parent and a base has none'
  return undefined
}

function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(value) && value > 0 && Math.log2(value) % 1 === 0
}
