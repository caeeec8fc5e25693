import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import type { SwarmIdentity } from '@shoal/swarm'
import bencode from 'bencode'
import Wire, { type Extension } from 'bittorrent-protocol'
import type { Undo } from '../../../../test/harness/undo.ts'
import { WireAuth } from '../../src/auth/wire-auth.ts'
import { WireHandshake } from '../../src/auth/wire-handshake.ts'
import { shoalExtension } from '../../src/shoal-extension.ts'

export interface ProvenWireOptions {
  readonly address: string
  readonly from: string
  readonly infoHash: string
  /** Whose credential it shows, and by which name. */
  readonly identity: SwarmIdentity
  readonly node: string
}

/** A node that proved who it is and then says whatever a test has it say: one that somebody took over. */
export class ProvenWire {
  readonly wire: Wire
  readonly peerId: string
  /** What the other side said of the layer, in order, but for its extension handshake. */
  readonly said: string[] = []
  /** What opens lanes there. */
  lane: { port: number; token: Buffer } | undefined
  readonly closed: Promise<void>

  private constructor(wire: Wire, peerId: string) {
    this.wire = wire
    this.peerId = peerId
    this.closed = new Promise((resolve) => wire.once('close', () => resolve()))
    for (const event of ['bitfield', 'have-all', 'have-none', 'have', 'unchoke', 'piece'])
      wire.on(event, () => this.said.push(event))
    wire.on('error', () => {})
  }

  /** Connects, proves who it is, and waits for the other side's hello. */
  static async open(undo: Undo, { address, from, infoHash, identity, node }: ProvenWireOptions): Promise<ProvenWire> {
    const [host = '', port] = address.split(':')
    const socket = connect({ host, port: Number(port), localAddress: from })
    undo.after(async () => {
      socket.destroy()
    })
    socket.on('error', () => {})
    const wire = new Wire()
    const peerId = randomBytes(20).toString('hex')
    const opened = new ProvenWire(wire, peerId)
    wire.pipe(socket).pipe(wire)
    wire.handshake(infoHash, peerId, { fast: true })
    await new Promise<void>((resolve) => {
      wire.once('handshake', () => {
        const session = { isInitiator: true, infoHash, ownPeerId: peerId, otherPeerId: wire.peerId }
        const auth: WireAuth = new WireAuth(wire, new WireHandshake(identity, session), {
          onProven: () => {
            wire.use(named('ut_metadata', (message) => opened.#onMetadata(message)))
            const place = { zone: '', rack: '', lane: undefined }
            const onHello = (hello: { lane: typeof opened.lane } | undefined) => {
              opened.lane = hello?.lane
              resolve()
            }
            wire.use(shoalExtension({ role: 'peer', node, ...place }, onHello, () => opened.said.push('grant')))
            wire._sendExtendedHandshake()
          },
          onRefused: () => resolve(),
        })
        wire._onMessage = admitting(wire._onMessage, auth)
      })
    })
    return opened
  }

  showGrant(grant: Uint8Array): void {
    this.wire.extended('shoal', grant)
  }

  /** Asks for the first piece of the torrent's description, and of the layer. */
  ask(): void {
    this.wire.extended('ut_metadata', bencode.encode({ msg_type: 0, piece: 0 }))
    this.wire.request(0, 0, 16_384, (error) => this.said.push(error === null ? 'block' : 'no block'))
  }

  #onMetadata(message: Uint8Array): void {
    this.said.push(Buffer.from(message).includes('8:msg_typei1e') ? 'metadata' : 'no metadata')
  }
}

function admitting(onMessage: Wire['_onMessage'], auth: WireAuth): Wire['_onMessage'] {
  return function admit(this: Wire, message) {
    if (auth.admits(message)) onMessage.call(this, message)
  }
}

function named(name: string, onMessage: (message: Uint8Array) => void): new (wire: Wire) => Extension {
  class Named implements Extension {
    onMessage(message: Uint8Array): void {
      onMessage(message)
    }
  }
  Object.defineProperty(Named.prototype, 'name', { value: name })
  return Named
}
