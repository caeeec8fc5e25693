import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto'
import type { DirectionKey } from './session-keys.ts'

const CIPHER = 'aes-256-gcm'
const LENGTH_BYTES = 4
const TAG_BYTES = 16
export const MAX_RECORD_BYTES = 65_536
/** Far below what AES-GCM bears under one key (RFC 8446, 5.5 counts 2^24.5 records of 16 KiB for a margin of 2^-57). */
const MAX_RECORDS = 2 ** 32

/** Key, nonce and number of records of one direction. */
class Direction {
  readonly key: KeyObject
  readonly #iv: Buffer
  #record = 0

  constructor({ key, iv }: DirectionKey) {
    this.key = createSecretKey(key)
    this.#iv = iv
  }

  /** `undefined` when the key is used up. */
  nextNonce(): Buffer | undefined {
    if (this.#record >= MAX_RECORDS) return undefined
    const nonce = Buffer.from(this.#iv)
    nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ this.#record) >>> 0, 8)
    this.#record += 1
    return nonce
  }
}

/** Makes records of what one side sends (docs/formats/swarm-authentication.md). */
export class RecordSealer {
  readonly #direction: Direction

  constructor(key: DirectionKey) {
    this.#direction = new Direction(key)
  }

  /** Records that hold these bytes, one after another. Throws when the key is used up. */
  seal(...parts: readonly Uint8Array[]): Buffer[] {
    const sealed: Buffer[] = []
    let some: Uint8Array[] = []
    let bytes = 0
    for (const part of parts) {
      for (let at = 0; at < part.length; ) {
        const piece = part.subarray(at, at + MAX_RECORD_BYTES - bytes)
        some.push(piece)
        bytes += piece.length
        at += piece.length
        if (bytes < MAX_RECORD_BYTES) continue
        this.#seal(some, bytes, sealed)
        some = []
        bytes = 0
      }
    }
    if (bytes > 0) this.#seal(some, bytes, sealed)
    return sealed
  }

  #seal(parts: readonly Uint8Array[], bytes: number, into: Buffer[]): void {
    const nonce = this.#direction.nextNonce()
    if (nonce === undefined) throw new Error('the key of this connection is used up')
    const length = Buffer.allocUnsafe(LENGTH_BYTES)
    length.writeUInt32BE(bytes)
    const cipher = createCipheriv(CIPHER, this.#direction.key, nonce, { authTagLength: TAG_BYTES })
    cipher.setAAD(length)
    into.push(length)
    for (const part of parts) into.push(cipher.update(part))
    cipher.final()
    into.push(cipher.getAuthTag())
  }
}

/**
 * Opens the records that the other side sends. Bytes are written to {@link target} and reported by {@link took}, or given to
 * {@link push}. A record is at most 64 KiB, so memory is bounded; nothing of it is told before its tag was checked.
 */
export class RecordOpener {
  readonly #direction: Direction
  /** What there is room for all the time; longer records get memory of their own while they come. */
  readonly #room: Buffer
  #bytes: Buffer
  #got = 0
  /** Of the record that is coming; 0 while its length is not here. */
  #length = 0
  /** Whether something came that the other side did not send: nothing that follows can be told from it. */
  #isBroken = false

  constructor(key: DirectionKey, { roomBytes = 512 }: { roomBytes?: number } = {}) {
    this.#direction = new Direction(key)
    this.#room = Buffer.allocUnsafe(Math.max(roomBytes, 2 * LENGTH_BYTES))
    this.#bytes = this.#room
  }

  /** Room for the whole of the largest record, for those that open large ones all the time. */
  static readonly LARGE = LENGTH_BYTES + MAX_RECORD_BYTES + TAG_BYTES

  /** Whether a record has begun. */
  get isMidRecord(): boolean {
    return this.#got > 0
  }

  /** Where the next bytes of the connection go. Never empty. */
  target(): Buffer {
    if (this.#isBroken) return this.#room
    const end = this.#length === 0 ? LENGTH_BYTES : LENGTH_BYTES + this.#length + TAG_BYTES
    return this.#bytes.subarray(this.#got, end)
  }

  /** So many bytes are there. What a record holds, when it is whole; false when it is none of the other side's. */
  took(bytes: number): Buffer | undefined | false {
    const opened = this.#isBroken ? false : this.#take(bytes)
    if (opened === false) this.#isBroken = true
    return opened
  }

  #take(bytes: number): Buffer | undefined | false {
    this.#got += bytes
    if (this.#length === 0) return this.#got < LENGTH_BYTES ? undefined : this.#begin()
    if (this.#got < LENGTH_BYTES + this.#length + TAG_BYTES) return undefined
    const opened = this.#open()
    this.#bytes = this.#room
    this.#got = 0
    this.#length = 0
    return opened ?? false
  }

  /** What the records hold that these bytes end; `undefined` when one of them is none of the other side's. */
  push(chunk: Uint8Array): Buffer | undefined {
    const opened: Buffer[] = []
    for (let at = 0; at < chunk.length; ) {
      const target = this.target()
      const some = chunk.subarray(at, at + target.length)
      target.set(some)
      at += some.length
      const plain = this.took(some.length)
      if (plain === false) return undefined
      if (plain !== undefined) opened.push(plain)
    }
    return opened.length === 1 ? opened[0] : Buffer.concat(opened)
  }

  #begin(): undefined | false {
    const length = this.#bytes.readUInt32BE(0)
    if (length === 0 || length > MAX_RECORD_BYTES) return false
    this.#length = length
    const needed = LENGTH_BYTES + length + TAG_BYTES
    if (needed <= this.#bytes.length) return undefined
    const larger = Buffer.allocUnsafe(needed)
    this.#bytes.copy(larger, 0, 0, LENGTH_BYTES)
    this.#bytes = larger
    return undefined
  }

  #open(): Buffer | undefined {
    const nonce = this.#direction.nextNonce()
    if (nonce === undefined) return undefined
    const end = LENGTH_BYTES + this.#length
    const decipher = createDecipheriv(CIPHER, this.#direction.key, nonce, { authTagLength: TAG_BYTES })
    decipher.setAAD(this.#bytes.subarray(0, LENGTH_BYTES))
    decipher.setAuthTag(this.#bytes.subarray(end, end + TAG_BYTES))
    const plain = decipher.update(this.#bytes.subarray(LENGTH_BYTES, end))
    try {
      decipher.final()
      return plain
    } catch {
      return undefined
    }
  }
}
