import { createHash, randomBytes } from 'node:crypto'
import { type DirectionKey, deriveKeys, EphemeralKey, X25519_KEY_BYTES } from './session-keys.ts'
import type { Holder, RefusalReason, SwarmCredential, SwarmIdentity } from './swarm-identity.ts'

const VERSION = 1
const NONCE_BYTES = 32
const NONCE_AT = 4
const KEY_AT = NONCE_AT + NONCE_BYTES
const CHAIN_AT = KEY_AT + X25519_KEY_BYTES
const MAX_CHAIN_BYTES = 12 * 1024
/** Of an RSA key with 4096 bits; ours have 72. */
const MAX_SIGNATURE_BYTES = 512
const DOMAIN = 'shoal wire authentication 1\0'
const KEYS = 'shoal wire keys 1'
const ROLE = { none: 0, initiator: 1, acceptor: 2 } as const

/** The connection that a handshake is for. Ids are hexadecimal. */
export interface WireSession {
  /** Whether we opened the connection. */
  readonly isInitiator: boolean
  readonly infoHash: string
  readonly ownPeerId: string
  readonly otherPeerId: string
}

/** What both sides have when each has proven who it is. */
export interface ProvenPeer {
  readonly holder: Holder
  readonly sends: DirectionKey
  readonly receives: DirectionKey
}

/**
 * One side of the mutual authentication of a wire, message by message and without I/O: a Diffie-Hellman exchange of which both sign all
 * that was said (ISO/IEC 9798-3; SIGMA without the identity protection). A refusal is final.
 */
export class WireHandshake {
  /** What is sent first. */
  readonly hello: Buffer
  readonly #identity: SwarmIdentity
  readonly #session: WireSession
  readonly #credential: SwarmCredential
  readonly #key = new EphemeralKey()
  #other: { readonly hello: Buffer; readonly holder: Holder; readonly secret: Buffer } | undefined

  constructor(identity: SwarmIdentity, session: WireSession) {
    this.#identity = identity
    this.#session = session
    this.#credential = identity.credential()
    const head = Buffer.alloc(NONCE_AT)
    head[0] = VERSION
    this.hello = Buffer.concat([head, randomBytes(NONCE_BYTES), this.#key.publicKey, this.#credential.chain])
  }

  /** Who showed a good credential so far; he may not be the one. */
  get shown(): Holder | undefined {
    return this.#other?.holder
  }

  /** Takes the other side's hello and gives the proof to send. */
  onHello(bytes: Uint8Array): Buffer | RefusalReason {
    if (this.#other !== undefined || !isHello(bytes)) return 'malformed'
    // A copy: what it is part of may be large, or be written over.
    const hello = Buffer.from(bytes)
    const chain = hello.subarray(CHAIN_AT)
    if (chain.equals(this.#credential.chain)) return 'reflected'
    // First of all: strangers are not worth the rest.
    const holder = this.#identity.check(chain)
    if (typeof holder === 'string') return holder
    const secret = this.#key.agree(hello.subarray(KEY_AT, CHAIN_AT))
    if (secret === undefined) return 'malformed'
    this.#other = { hello, holder, secret }
    const { isInitiator } = this.#session
    return Buffer.from(this.#credential.sign(this.#transcript(isInitiator ? ROLE.initiator : ROLE.acceptor, hello)))
  }

  /** Takes the other side's proof. */
  onProof(signature: Uint8Array): ProvenPeer | RefusalReason {
    if (this.#other === undefined) return 'malformed'
    if (signature.length === 0 || signature.length > MAX_SIGNATURE_BYTES) return 'malformed'
    const { hello, holder, secret } = this.#other
    const { isInitiator } = this.#session
    const signed = this.#transcript(isInitiator ? ROLE.acceptor : ROLE.initiator, hello)
    if (!holder.verify(signed, signature)) return 'bad-proof'
    const salt = createHash('sha256').update(this.#transcript(ROLE.none, hello)).digest()
    const [initiators, acceptors] = deriveKeys(secret, { salt, info: KEYS })
    return {
      holder,
      sends: isInitiator ? initiators : acceptors,
      receives: isInitiator ? acceptors : initiators,
    }
  }

  #transcript(role: number, otherHello: Buffer): Buffer {
    const { isInitiator, infoHash, ownPeerId, otherPeerId } = this.#session
    const own = { peerId: ownPeerId, hello: this.hello }
    const other = { peerId: otherPeerId, hello: otherHello }
    const [initiator, acceptor] = isInitiator ? [own, other] : [other, own]
    const hash = createHash('sha256')
    return Buffer.concat([
      Buffer.from(DOMAIN, 'latin1'),
      Buffer.of(role),
      Buffer.from(infoHash + initiator.peerId + acceptor.peerId, 'hex'),
      hash.copy().update(initiator.hello).digest(),
      hash.copy().update(acceptor.hello).digest(),
    ])
  }
}

function isHello(bytes: Uint8Array): boolean {
  const isLength = bytes.length > CHAIN_AT && bytes.length <= CHAIN_AT + MAX_CHAIN_BYTES
  return isLength && bytes[0] === VERSION && bytes[1] === 0 && bytes[2] === 0 && bytes[3] === 0
}
