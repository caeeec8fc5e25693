import { HEADER_BYTES } from './frame.ts'

export const LANE_MAGIC = Buffer.from('d353484f414c0d0a', 'hex')
const VERSION = 1
const PEER_ID_AT = 12
const TOKEN_AT = 32

export const LANE_PREAMBLE_BYTES = 3 * HEADER_BYTES
export const LANE_TOKEN_BYTES = 16
/** No BitTorrent client begins so. */
export const LANE_FIRST_BYTE = 0xd3

export interface LanePreamble {
  /** As webtorrent writes it: 40 hexadecimal digits. */
  readonly peerId: string
  readonly token: Buffer
}

export function encodeLanePreamble({ peerId, token }: LanePreamble): Buffer {
  const bytes = Buffer.alloc(LANE_PREAMBLE_BYTES)
  LANE_MAGIC.copy(bytes)
  bytes[LANE_MAGIC.length] = VERSION
  bytes.write(peerId, PEER_ID_AT, 'hex')
  token.copy(bytes, TOKEN_AT, 0, LANE_TOKEN_BYTES)
  return bytes
}

/** What the first bytes of a lane say; `undefined` when they are none of this version. */
export function decodeLanePreamble(bytes: Buffer): LanePreamble | undefined {
  if (bytes.length < LANE_PREAMBLE_BYTES) return undefined
  if (!bytes.subarray(0, LANE_MAGIC.length).equals(LANE_MAGIC) || bytes[LANE_MAGIC.length] !== VERSION) return undefined
  return {
    peerId: bytes.toString('hex', PEER_ID_AT, TOKEN_AT),
    token: bytes.subarray(TOKEN_AT, TOKEN_AT + LANE_TOKEN_BYTES),
  }
}
