import {
  CIPHER_STEP_BYTES,
  discard,
  MAX_RECORD_BYTES,
  RECORD_LENGTH_BYTES,
  RECORD_TAG_BYTES,
  RecordKey,
} from './record-key.ts'
import type { DirectionKey } from './session-keys.ts'

/** A record as it goes to a socket. */
export interface SealedPayload {
  /** One after another. */
  readonly parts: readonly Buffer[]
  /** To be called when nobody needs the parts any more. */
  discard(): void
}

/** Makes records of what one side sends (docs/formats/swarm-authentication.md). Nothing can be sealed once the key is used up. */
export class RecordSealer {
  readonly #key: RecordKey

  constructor(key: DirectionKey, options?: { maxRecords?: number }) {
    this.#key = new RecordKey(key, options)
  }

  /** Records that hold these bytes, one after another. */
  seal(...parts: readonly Uint8Array[]): Buffer[] | undefined {
    const sealed: Buffer[] = []
    const bytes = parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts)
    for (let at = 0; at < bytes.length; at += MAX_RECORD_BYTES) {
      const record = this.#seal(bytes.subarray(at, at + MAX_RECORD_BYTES))
      if (record === undefined) return undefined
      sealed.push(record)
    }
    return sealed
  }

  /** One record of a BLOCK's payload: of at least a byte and at most a block. */
  sealPayload(payload: Uint8Array): SealedPayload | undefined {
    const length = lengthField(payload.length)
    const cipher = this.#key.cipher(length)
    if (cipher === undefined) return undefined
    const sealed: Buffer<ArrayBuffer>[] = []
    for (let at = 0; at < payload.length; at += CIPHER_STEP_BYTES) {
      sealed.push(cipher.update(payload.subarray(at, at + CIPHER_STEP_BYTES)))
    }
    cipher.final()
    return { parts: [length, ...sealed, cipher.getAuthTag()], discard: () => sealed.forEach(discard) }
  }

  #seal(bytes: Uint8Array): Buffer | undefined {
    const record = Buffer.allocUnsafe(RECORD_LENGTH_BYTES + bytes.length + RECORD_TAG_BYTES)
    record.writeUInt32BE(bytes.length)
    const cipher = this.#key.cipher(record.subarray(0, RECORD_LENGTH_BYTES))
    if (cipher === undefined) return undefined
    const sealed = cipher.update(bytes)
    cipher.final()
    sealed.copy(record, RECORD_LENGTH_BYTES)
    discard(sealed)
    cipher.getAuthTag().copy(record, RECORD_LENGTH_BYTES + bytes.length)
    return record
  }
}

function lengthField(length: number): Buffer {
  const field = Buffer.allocUnsafe(RECORD_LENGTH_BYTES)
  field.writeUInt32BE(length)
  return field
}
