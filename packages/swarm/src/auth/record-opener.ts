import type { DecipherGCM } from 'node:crypto'
import {
  CIPHER_STEP_BYTES,
  discard,
  MAX_RECORD_BYTES,
  RECORD_LENGTH_BYTES,
  RECORD_TAG_BYTES,
  RecordKey,
} from './record-key.ts'
import type { DirectionKey } from './session-keys.ts'

/** What there is room for all the time; longer records get memory of their own while they come. */
const ROOM_BYTES = 512

/**
 * Opens the records that the other side sends. Bytes are written to {@link target} and reported by {@link took}, or given to
 * {@link push}. A record is at most 64 KiB, so memory is bounded; nothing of it is told before its tag was checked.
 */
export class RecordOpener {
  readonly #key: RecordKey
  readonly #room = Buffer.allocUnsafe(ROOM_BYTES)
  #bytes: Buffer = this.#room
  #got = 0
  /** Of the record that is coming; 0 while its length is not here. */
  #length = 0
  /** Whether something came that the other side did not send: nothing that follows can be told from it. */
  #isBroken = false

  constructor(key: DirectionKey) {
    this.#key = new RecordKey(key)
  }

  /** Whether a record has begun. */
  get isMidRecord(): boolean {
    return this.#got > 0
  }

  /** Where the next bytes of the connection go. Never empty. */
  target(): Buffer {
    if (this.#isBroken) return this.#room
    const end = this.#length === 0 ? RECORD_LENGTH_BYTES : RECORD_LENGTH_BYTES + this.#length + RECORD_TAG_BYTES
    return this.#bytes.subarray(this.#got, end)
  }

  /** So many bytes are there. What a record holds, when it is whole; false when it is none of the other side's. */
  took(bytes: number): Buffer | undefined | false {
    const opened = this.#isBroken ? false : this.#take(bytes)
    if (opened === false) this.#isBroken = true
    return opened
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

  /** The next record is to be opened where it lies, between two that are not. `undefined` when it cannot be the other side's. */
  openInPlace(lengthField: Uint8Array): OpeningRecord | undefined {
    const decipher = this.#key.decipher(lengthField)
    return decipher === undefined ? undefined : new OpeningRecord(decipher)
  }

  #take(bytes: number): Buffer | undefined | false {
    this.#got += bytes
    if (this.#length === 0) return this.#got < RECORD_LENGTH_BYTES ? undefined : this.#begin()
    if (this.#got < RECORD_LENGTH_BYTES + this.#length + RECORD_TAG_BYTES) return undefined
    const opened = this.#open()
    this.#bytes = this.#room
    this.#got = 0
    this.#length = 0
    return opened ?? false
  }

  #begin(): undefined | false {
    const length = this.#bytes.readUInt32BE(0)
    if (length === 0 || length > MAX_RECORD_BYTES) return false
    this.#length = length
    const needed = RECORD_LENGTH_BYTES + length + RECORD_TAG_BYTES
    if (needed <= this.#bytes.length) return undefined
    const larger = Buffer.allocUnsafe(needed)
    this.#bytes.copy(larger, 0, 0, RECORD_LENGTH_BYTES)
    this.#bytes = larger
    return undefined
  }

  #open(): Buffer | undefined {
    const end = RECORD_LENGTH_BYTES + this.#length
    const decipher = this.#key.decipher(this.#bytes.subarray(0, RECORD_LENGTH_BYTES))
    if (decipher === undefined) return undefined
    const plain = decipher.update(this.#bytes.subarray(RECORD_LENGTH_BYTES, end))
    return isGenuine(decipher, this.#bytes.subarray(end, end + RECORD_TAG_BYTES)) ? plain : undefined
  }
}

/** One record that is opened where it lies, as it comes. What it says counts for nothing before {@link isGenuine}. */
export class OpeningRecord {
  readonly #decipher: DecipherGCM

  constructor(decipher: DecipherGCM) {
    this.#decipher = decipher
  }

  /** The next bytes of the record become what was sealed. */
  open(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += CIPHER_STEP_BYTES) {
      const step = bytes.subarray(at, at + CIPHER_STEP_BYTES)
      const plain = this.#decipher.update(step)
      step.set(plain)
      discard(plain)
    }
  }

  /** Whether all of it is as the other side sealed it. */
  isGenuine(tag: Uint8Array): boolean {
    return isGenuine(this.#decipher, tag)
  }
}

function isGenuine(decipher: DecipherGCM, tag: Uint8Array): boolean {
  decipher.setAuthTag(tag)
  try {
    decipher.final()
    return true
  } catch {
    return false
  }
}
