import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { LANE_TOKEN_BYTES } from './lane-preamble.ts'

/** Tokens that open lanes to this process: each follows from who gets it, so none is stored, and all end with the process. */
export class LaneTokens {
  readonly #secret: Buffer

  constructor(secret: Buffer = randomBytes(32)) {
    this.#secret = secret
  }

  of(peerId: string): Buffer {
    return createHmac('sha256', this.#secret).update(peerId, 'hex').digest().subarray(0, LANE_TOKEN_BYTES)
  }

  /** For a node that proved who it is: 32 bytes, as it is a key. */
  ofNode(peerId: string, nodeId: string): Buffer {
    return createHmac('sha256', this.#secret).update(`${peerId}${nodeId}`, 'hex').digest()
  }

  isValid(peerId: string, token: Buffer): boolean {
    return token.length === LANE_TOKEN_BYTES && timingSafeEqual(this.of(peerId), token)
  }
}
