import type Wire from 'bittorrent-protocol'
import type { Extension } from 'bittorrent-protocol'
import { RecordOpener } from './record-opener.ts'
import { RecordSealer } from './record-sealer.ts'
import type { Holder, RefusalReason } from './swarm-identity.ts'
import type { ProvenPeer, WireHandshake } from './wire-handshake.ts'

const NAME = 'shoal_auth'
const EXTENDED = 20
const EXTENDED_HANDSHAKE = 0
/** A hello with the longest chain, in its dictionary. */
const MAX_MESSAGE_BYTES = 16 * 1024

export interface WireAuthEvents {
  /** The other side has proven who it is; what either says from now on is in records. */
  onProven(peer: ProvenPeer): void
  /** Called once; the wire is closed by then. */
  onRefused(reason: RefusalReason): void
}

/** The BEP 10 extension `shoal_auth` on one wire: until the other side has proven who it is, it may say nothing else. */
export class WireAuth {
  readonly #wire: Wire
  readonly #handshake: WireHandshake
  readonly #events: WireAuthEvents
  #state: 'hello' | 'proof' | 'proven' | 'refused' = 'hello'
  /** Our id for the extension's messages. */
  #messageId = 0
  #hasExtended = false

  /** To be made at the wire's handshake, before any other extension of ours. */
  constructor(wire: Wire, handshake: WireHandshake, events: WireAuthEvents) {
    this.#wire = wire
    this.#handshake = handshake
    this.#events = events
    // webtorrent offers metadata first of all.
    delete wire.extendedHandshake.metadata_size
    wire.use(extension(handshake.hello, (proof) => this.#onProof(proof)))
    this.#messageId = Object.keys(wire.extendedMapping).length
    wire.on('extended', (name: string, content: unknown) => {
      if (name === 'handshake') this.#onHello(content)
    })
  }

  /** Longest message that may come now; `undefined` when this does not bound it. */
  get maxMessageBytes(): number | undefined {
    return this.#state === 'proven' ? undefined : MAX_MESSAGE_BYTES
  }

  /** Who the other side says it is, by a good certificate. */
  get shown(): Holder | undefined {
    return this.#handshake.shown
  }

  /** Whether a message may come now. One that may not ends the wire. */
  admits(message: Uint8Array): boolean {
    if (this.#state === 'proven') return true
    if (this.#state === 'refused') return false
    const isHello = message[1] === EXTENDED_HANDSHAKE && !this.#hasExtended
    const isProof = message[1] === this.#messageId && this.#state === 'proof'
    if (message[0] === EXTENDED && (isHello || isProof)) {
      this.#hasExtended = true
      return true
    }
    this.refuse(this.#hasExtended ? 'malformed' : 'no-credential')
    return false
  }

  refuse(reason: RefusalReason): void {
    if (this.#state === 'refused') return
    this.#state = 'refused'
    this.#wire.destroy()
    this.#events.onRefused(reason)
  }

  #onHello(content: unknown): void {
    if (this.#state !== 'hello') return
    const hello =
      typeof content === 'object' && content !== null ? (content as Record<string, unknown>)[NAME] : undefined
    const isOffered = hello instanceof Uint8Array && this.#wire.peerExtendedMapping[NAME]
    const proof = isOffered ? this.#handshake.onHello(hello) : 'no-credential'
    if (typeof proof === 'string') {
      this.refuse(proof)
      return
    }
    this.#state = 'proof'
    this.#wire.extended(NAME, proof)
  }

  #onProof(signature: Uint8Array): void {
    if (this.#state !== 'proof') return
    const proven = this.#handshake.onProof(signature)
    if (typeof proven === 'string') {
      this.refuse(proven)
      return
    }
    this.#state = 'proven'
    this.#seal(proven)
  }

  /** bittorrent-protocol has a place for a cipher between it and the socket, where BEP 8's would be. */
  #seal(proven: ProvenPeer): void {
    const wire = this.#wire
    const sealer = new RecordSealer(proven.sends)
    const opener = new RecordOpener(proven.receives)
    const decrypt = (data: Uint8Array): Uint8Array => {
      const plain = this.#state === 'proven' ? opener.push(data) : undefined
      if (plain === undefined) this.refuse('tampered')
      return plain ?? new Uint8Array()
    }
    const encrypt = (data: Uint8Array): Uint8Array => {
      const records = sealer.seal(data)
      // The key is used up: the wire is made anew.
      if (records === undefined) wire.destroy()
      return Buffer.concat(records ?? [])
    }
    wire._encryptor = { encrypt, decrypt }
    // What came in one go with the proof, taken before the library did not know of records.
    const [rest = new Uint8Array()] = wire._buffer
    wire._buffer = []
    wire._bufferSize = 0
    delete wire.extendedHandshake[NAME]
    this.#events.onProven(proven)
    const plain = decrypt(rest)
    if (plain.length === 0) return
    wire._buffer = [plain]
    wire._bufferSize = plain.length
  }
}

function extension(hello: Uint8Array, onProof: (proof: Uint8Array) => void): new (wire: Wire) => Extension {
  class ShoalAuth implements Extension {
    declare readonly name: string

    constructor(wire: Wire) {
      wire.extendedHandshake[NAME] = hello
    }

    onMessage(message: Uint8Array): void {
      onProof(message)
    }
  }
  // bittorrent-protocol reads the extension's name from the prototype.
  Object.defineProperty(ShoalAuth.prototype, 'name', { value: NAME })
  return ShoalAuth
}
