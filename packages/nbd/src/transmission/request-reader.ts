import { nbdError } from '../errors.ts'
import { COMMAND, MAX_REQUEST_BYTES, REQUEST_BYTES, REQUEST_MAGIC, readUint64 } from '../protocol.ts'

/** What a request says, without the data of a write. */
export interface RequestHeader {
  readonly flags: number
  readonly type: number
  /** 64 bits that the client recognises the reply by, in two halves. */
  readonly cookieHigh: number
  readonly cookieLow: number
  readonly offset: number
  readonly length: number
}

const NOTHING = Buffer.alloc(0)

/** Cuts what a client sends into requests, one at a time. The data of writes is dropped as it comes. It is itself the header of the last one. */
export class RequestReader implements RequestHeader {
  flags = 0
  type = 0
  cookieHigh = 0
  cookieLow = 0
  offset = 0
  length = 0
  #bytes: Buffer = NOTHING
  #at = 0
  /** Data of the request that was read last which is still to come. */
  #payloadBytes = 0
  #isInPayload = false

  get unreadBytes(): number {
    return this.#bytes.length - this.#at
  }

  push(chunk: Buffer): void {
    this.#bytes = this.unreadBytes === 0 ? chunk : Buffer.concat([this.#bytes.subarray(this.#at), chunk])
    this.#at = 0
  }

  /** True when one more request has come whole, and is now what the fields say. Throws `SHOAL_NBD_PROTOCOL`. */
  next(): boolean {
    if (!this.#isInPayload) {
      if (this.unreadBytes < REQUEST_BYTES) return false
      this.#readHeader()
    }
    const dropped = Math.min(this.#payloadBytes, this.unreadBytes)
    this.#at += dropped
    this.#payloadBytes -= dropped
    this.#isInPayload = this.#payloadBytes > 0
    // A chunk that was read is not held until the next one.
    if (this.unreadBytes === 0) this.push(NOTHING)
    return !this.#isInPayload
  }

  #readHeader(): void {
    const bytes = this.#bytes
    const at = this.#at
    if (bytes.readUInt32BE(at) !== REQUEST_MAGIC) {
      throw nbdError('SHOAL_NBD_PROTOCOL', { reason: 'a request does not begin as it must' })
    }
    this.flags = bytes.readUInt16BE(at + 4)
    this.type = bytes.readUInt16BE(at + 6)
    this.cookieHigh = bytes.readUInt32BE(at + 8)
    this.cookieLow = bytes.readUInt32BE(at + 12)
    this.offset = readUint64(bytes, at + 16)
    this.length = bytes.readUInt32BE(at + 24)
    this.#at = at + REQUEST_BYTES
    if (this.type !== COMMAND.write) return
    if (this.length > MAX_REQUEST_BYTES) {
      throw nbdError('SHOAL_NBD_PROTOCOL', { reason: `a write has ${this.length} bytes` })
    }
    this.#payloadBytes = this.length
  }
}
