import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { coreError } from './errors.ts'
import { decodePublicKey, encodePublicKey } from './manifest.ts'

/** What a seed says of its signing keys. Byte-level format: docs/formats/key-statement.md. */
export interface KeyStatement {
  readonly kind: 'succession' | 'retirement'
  /** Of the new key, or of the newest one that is retired. */
  readonly serial: number
  /** Milliseconds since the Unix epoch. */
  readonly madeAt: number
  /** Of a succession: until when the key that signs it is trusted. Milliseconds since the Unix epoch; 0 of a retirement. */
  readonly until: number
  /** The new key, or the one that is retired; as {@link encodePublicKey} shows it. */
  readonly publicKey: string
}

/** A statement that was signed; whether by a key that counts is up to the reader. */
export interface SignedKeyStatement extends KeyStatement {
  /** Public key that signed it. */
  readonly signer: string
}

const BYTES = 168
/** The longest that a key may be trusted beside its successor. */
export const MAX_KEY_OVERLAP_MS = 366 * 86_400_000

const MAGIC = Buffer.from('SHOALKS\0', 'latin1')
const VERSION = 1
const SIGNER_AT = 72
const BODY_BYTES = 104
const KINDS = ['succession', 'retirement'] as const

/** Encodes and signs a statement with an Ed25519 private key (RFC 8032). Throws `SHOAL_KEY_STATEMENT_INVALID`. */
export function encodeKeyStatement(statement: KeyStatement, privateKey: KeyObject): Uint8Array {
  const fault = findFault(statement)
  if (fault !== undefined) throw coreError('SHOAL_KEY_STATEMENT_INVALID', { reason: fault })
  const body = Buffer.alloc(BODY_BYTES)
  MAGIC.copy(body, 0)
  body.writeUInt16BE(VERSION, 8)
  body.writeUInt8(KINDS.indexOf(statement.kind) + 1, 12)
  body.writeBigUInt64BE(BigInt(statement.serial), 16)
  body.writeBigUInt64BE(BigInt(statement.madeAt), 24)
  body.writeBigUInt64BE(BigInt(statement.until), 32)
  body.write(statement.publicKey, 40, 'base64url')
  body.write(encodePublicKey(createPublicKey(privateKey)), SIGNER_AT, 'base64url')
  return Buffer.concat([body, sign(null, body, privateKey)])
}

/** Decodes a statement and checks that its signer signed it. Throws `SHOAL_KEY_STATEMENT_INVALID`. */
export function decodeKeyStatement(encoded: Uint8Array): SignedKeyStatement {
  const bytes = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength)
  const invalid = (reason: string) => coreError('SHOAL_KEY_STATEMENT_INVALID', { reason })
  if (bytes.length !== BYTES) throw invalid(`it has ${bytes.length} bytes`)
  if (!bytes.subarray(0, 8).equals(MAGIC)) throw invalid('it does not start with the magic')
  if (bytes.readUInt16BE(8) !== VERSION) throw invalid(`version ${bytes.readUInt16BE(8)} is not known`)
  if (bytes.readUInt16BE(10) !== 0) throw invalid('it needs features that are not known')
  const kind = KINDS[bytes.readUInt8(12) - 1]
  if (kind === undefined) throw invalid('its kind is not known')
  if (bytes.readUIntBE(13, 3) !== 0) throw invalid('reserved bytes are set')
  const statement: SignedKeyStatement = {
    kind,
    serial: Number(bytes.readBigUInt64BE(16)),
    madeAt: Number(bytes.readBigUInt64BE(24)),
    until: Number(bytes.readBigUInt64BE(32)),
    publicKey: bytes.toString('base64url', 40, SIGNER_AT),
    signer: bytes.toString('base64url', SIGNER_AT, BODY_BYTES),
  }
  const fault = findFault(statement)
  if (fault !== undefined) throw invalid(fault)
  const body = bytes.subarray(0, BODY_BYTES)
  if (!verify(null, body, decodePublicKey(statement.signer), bytes.subarray(BODY_BYTES))) {
    throw invalid('its signature is not that of its signer')
  }
  return statement
}

function findFault({ kind, serial, madeAt, until, publicKey }: KeyStatement): string | undefined {
  const isCount = (value: number) => Number.isSafeInteger(value) && value >= 0
  if (!isCount(serial) || !isCount(madeAt) || !isCount(until)) return 'a number is out of bounds'
  if (!isPublicKey(publicKey)) return 'its key is not an Ed25519 key'
  if (kind === 'retirement') return until === 0 ? undefined : 'a retirement holds for ever'
  if (serial === 0) return 'the first key follows none'
  return until >= madeAt && until <= madeAt + MAX_KEY_OVERLAP_MS ? undefined : 'its overlap is out of bounds'
}

function isPublicKey(text: string): boolean {
  try {
    return encodePublicKey(decodePublicKey(text)) === text
  } catch {
    return false
  }
}
