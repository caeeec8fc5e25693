import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { type DirectionKey, deriveKeys, EphemeralKey, X25519_KEY_BYTES } from '../auth/session-keys.ts'
import { LANE_MAGIC } from './lane-preamble.ts'

const VERSION = 2
const SEALED = 1
const FLAGS_AT = LANE_MAGIC.length + 1
const PEER_ID_AT = 12
const NODE_ID_AT = 32
const KEY_AT = 48
const MAC_AT = KEY_AT + X25519_KEY_BYTES
const MAC_BYTES = 32
const ANSWER_KEY_AT = 4
const ANSWER_MAC_AT = ANSWER_KEY_AT + X25519_KEY_BYTES
const NODE_ID_BYTES = 16
const CLIENT = 'shoal lane client 2'
const SOURCE = 'shoal lane source 2'
const KEYS = 'shoal lane keys 2'

/** What a lane between daemons with credentials begins with, either way (docs/formats/swarm-authentication.md). */
export const LANE_GREETING_BYTES = MAC_AT + MAC_BYTES
export const LANE_ANSWER_BYTES = ANSWER_MAC_AT + MAC_BYTES

/** Who opens a lane: what the source keeps lanes by and looks wires up by. */
export interface LaneClientId {
  /** 40 hexadecimal digits. */
  readonly peerId: string
  readonly host: string
  /** Of the node that proved to be there, in hexadecimal; `undefined` where nobody has credentials. */
  readonly nodeId: string | undefined
}

export interface LaneGreeting {
  readonly peerId: string
  readonly nodeId: string
  /** Whether the client wants payload encrypted. */
  readonly wantsSealed: boolean
  readonly bytes: Buffer
}

/** What both ends have after greeting and answer. */
export interface LaneKeys {
  readonly client: DirectionKey
  /** `undefined` when the source sends its frames plainly. */
  readonly source: DirectionKey | undefined
}

/** What stands for a node's name: 32 hexadecimal digits. */
export function nodeIdOf(node: string): string {
  return createHash('sha256')
    .update(node)
    .digest('hex')
    .slice(0, 2 * NODE_ID_BYTES)
}

/** The client's side of a lane's opening. */
export class LaneOpening {
  readonly greeting: Buffer
  readonly #token: Buffer
  readonly #wantsSealed: boolean
  readonly #key = new EphemeralKey()

  constructor(own: { peerId: string; node: string; token: Buffer; wantsSealed: boolean }) {
    this.#token = own.token
    this.#wantsSealed = own.wantsSealed
    const bytes = Buffer.alloc(LANE_GREETING_BYTES)
    LANE_MAGIC.copy(bytes)
    bytes[LANE_MAGIC.length] = VERSION
    bytes[FLAGS_AT] = own.wantsSealed ? SEALED : 0
    bytes.write(own.peerId, PEER_ID_AT, 'hex')
    bytes.write(nodeIdOf(own.node), NODE_ID_AT, 'hex')
    this.#key.publicKey.copy(bytes, KEY_AT)
    mac(own.token, CLIENT, bytes.subarray(0, MAC_AT)).copy(bytes, MAC_AT)
    this.greeting = bytes
  }

  /** `undefined` when the answer is not that of the source that gave the token, or sends plainly what is to be sealed. */
  onAnswer(answer: Buffer): LaneKeys | undefined {
    const [version, flags = 0, ...zero] = answer.subarray(0, ANSWER_KEY_AT)
    const isForm = version === VERSION && (flags & ~SEALED) === 0 && zero.every((byte) => byte === 0)
    const isSealed = flags === SEALED
    if (answer.length !== LANE_ANSWER_BYTES || !isForm || (this.#wantsSealed && !isSealed)) return undefined
    const expected = mac(this.#token, SOURCE, this.greeting, answer.subarray(0, ANSWER_MAC_AT))
    if (!timingSafeEqual(expected, answer.subarray(ANSWER_MAC_AT))) return undefined
    const secret = this.#key.agree(answer.subarray(ANSWER_KEY_AT, ANSWER_MAC_AT))
    return secret === undefined ? undefined : keysOf(secret, this.#token, this.greeting, answer)
  }
}

/** What the first bytes of a lane say; `undefined` when they are none of this version. The MAC is still to be checked. */
export function decodeLaneGreeting(first: Buffer): LaneGreeting | undefined {
  if (first.length < LANE_GREETING_BYTES) return undefined
  const bytes = Buffer.from(first.subarray(0, LANE_GREETING_BYTES))
  const [version, flags = 0, ...zero] = bytes.subarray(LANE_MAGIC.length, PEER_ID_AT)
  if (!bytes.subarray(0, LANE_MAGIC.length).equals(LANE_MAGIC) || version !== VERSION) return undefined
  if ((flags & ~SEALED) !== 0 || zero.some((byte) => byte !== 0)) return undefined
  return {
    peerId: bytes.toString('hex', PEER_ID_AT, NODE_ID_AT),
    nodeId: bytes.toString('hex', NODE_ID_AT, KEY_AT),
    wantsSealed: flags === SEALED,
    bytes,
  }
}

/** Whether who sent a greeting has the token. */
export function isGenuine({ bytes }: LaneGreeting, token: Buffer): boolean {
  return timingSafeEqual(mac(token, CLIENT, bytes.subarray(0, MAC_AT)), bytes.subarray(MAC_AT))
}

/** The source's answer to a genuine greeting; `undefined` when the client's key is none. */
export function answerLane(
  { bytes }: LaneGreeting,
  { token, isSealed }: { token: Buffer; isSealed: boolean },
): { answer: Buffer; keys: LaneKeys } | undefined {
  const key = new EphemeralKey()
  const secret = key.agree(bytes.subarray(KEY_AT, MAC_AT))
  if (secret === undefined) return undefined
  const answer = Buffer.alloc(LANE_ANSWER_BYTES)
  answer[0] = VERSION
  answer[1] = isSealed ? SEALED : 0
  key.publicKey.copy(answer, ANSWER_KEY_AT)
  mac(token, SOURCE, bytes, answer.subarray(0, ANSWER_MAC_AT)).copy(answer, ANSWER_MAC_AT)
  return { answer, keys: keysOf(secret, token, bytes, answer) }
}

function keysOf(secret: Buffer, token: Buffer, greeting: Buffer, answer: Buffer): LaneKeys {
  const said = createHash('sha256').update(greeting).update(answer).digest()
  const [client, source] = deriveKeys(secret, { salt: token, info: Buffer.concat([Buffer.from(KEYS), said]) })
  return { client, source: answer[1] === SEALED ? source : undefined }
}

function mac(token: Buffer, domain: string, ...parts: readonly Uint8Array[]): Buffer {
  const hmac = createHmac('sha256', token).update(domain)
  for (const part of parts) hmac.update(part)
  return hmac.digest()
}
