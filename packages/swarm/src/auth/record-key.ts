import {
  type CipherGCM,
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  type DecipherGCM,
  type KeyObject,
} from 'node:crypto'
import type { DirectionKey } from './session-keys.ts'

const CIPHER = 'aes-256-gcm'
export const RECORD_LENGTH_BYTES = 4
export const RECORD_TAG_BYTES = 16
/** Of what is said; payload has a bound of its own. */
export const MAX_RECORD_BYTES = 65_536
/**
 * The nonce's counter has 4 bytes. Of the longest records that is 2^46 blocks of AES under one key, by which somebody could tell what is sealed from
 * noise with a chance of 2^-37; after the first TiB it is 2^-57, the margin of RFC 8446, 5.5.
 */
const MAX_RECORDS = 2 ** 32
/**
 * What goes through OpenSSL at a time. It always writes to new memory: so much of it comes from the heap and is warm when it is used again
 * at once (see {@link discard}), while twice as much would be mapped, and filled with zeros by the kernel, each time.
 */
export const CIPHER_STEP_BYTES = 65_536

/** Key, nonce and number of records of one direction: what seals or opens its next record, and no nonce twice. */
export class RecordKey {
  readonly #key: KeyObject
  readonly #iv: Buffer
  readonly #maxRecords: number
  #record = 0

  /** Tests use a key up sooner. */
  constructor({ key, iv }: DirectionKey, { maxRecords = MAX_RECORDS }: { maxRecords?: number } = {}) {
    this.#key = createSecretKey(key)
    this.#iv = iv
    this.#maxRecords = Math.min(maxRecords, MAX_RECORDS)
  }

  /** For the next record, of this length field. `undefined` when the key is used up. */
  cipher(lengthField: Uint8Array): CipherGCM | undefined {
    const nonce = this.#nextNonce()
    if (nonce === undefined) return undefined
    const cipher = createCipheriv(CIPHER, this.#key, nonce, { authTagLength: RECORD_TAG_BYTES })
    return cipher.setAAD(lengthField)
  }

  /** As {@link cipher}, to open it. */
  decipher(lengthField: Uint8Array): DecipherGCM | undefined {
    const nonce = this.#nextNonce()
    if (nonce === undefined) return undefined
    const decipher = createDecipheriv(CIPHER, this.#key, nonce, { authTagLength: RECORD_TAG_BYTES })
    return decipher.setAAD(lengthField)
  }

  #nextNonce(): Buffer | undefined {
    if (this.#record >= this.#maxRecords) return undefined
    const nonce = Buffer.from(this.#iv)
    nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ this.#record) >>> 0, 8)
    this.#record += 1
    return nonce
  }
}

/**
 * Gives the memory of what a cipher returned back at once. V8 would keep it until the next collection, and begins one of the whole heap for
 * every 64 MiB of such memory: at full speed that takes more time than everything else together (bench/trust).
 */
export function discard(output: Buffer<ArrayBuffer>): void {
  // A cipher's output has memory of its own; what Node takes from its pool must stay.
  if (output.buffer.byteLength === output.length) output.buffer.transfer(0)
}
