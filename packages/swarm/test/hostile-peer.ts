import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** A BitTorrent client that says what it is told to say: raw messages over a socket. */
export class HostilePeer {
  readonly socket: Socket
  /** What it was asked for. */
  readonly requests: { piece: number; offset: number; length: number }[] = []
  readonly closed: Promise<void>
  uploadedBytes = 0
  /** All that came since the handshake. */
  readonly messages: { id: number; payload: Buffer }[] = []
  onMessage: (id: number, payload: Buffer) => void = () => {}
  onRequest: (piece: number, offset: number, length: number) => void = () => {}
  #buffer = Buffer.alloc(0)
  #isMet = false

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('error', () => {})
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()))
  }

  /** Connects from `from`, shakes hands with fast extension and BEP 10, and reads what comes. */
  static async meet(
    t: { after(fn: () => void): void },
    options: { address: string; from: string; infoHash: string; peerId?: string },
  ): Promise<HostilePeer> {
    const [host = '', port] = options.address.split(':')
    const socket = connect({ host, port: Number(port), localAddress: options.from })
    t.after(() => void socket.destroy())
    const peer = new HostilePeer(socket)
    await once(socket, 'connect')
    const reserved = Buffer.from([0, 0, 0, 0, 0, 0x10, 0, 0x04])
    const peerId = Buffer.from(options.peerId ?? 'h'.repeat(20), 'latin1')
    const name = Buffer.from('\u0013BitTorrent protocol', 'latin1')
    socket.write(Buffer.concat([name, reserved, Buffer.from(options.infoHash, 'hex'), peerId]))
    const met = new Promise<void>((resolve) => {
      socket.on('data', (data) => {
        peer.#read(data)
        if (peer.#isMet) resolve()
      })
    })
    const refused = peer.closed.then(() => {
      throw new Error('the connection was closed')
    })
    await Promise.race([met, refused])
    refused.catch(() => {})
    return peer
  }

  send(id: number, ...numbers: number[]): void {
    const payload = Buffer.alloc(numbers.length * 4)
    for (const [index, number] of numbers.entries()) payload.writeInt32BE(number | 0, index * 4)
    this.sendBytes(id, payload)
  }

  sendBytes(id: number, payload: Uint8Array): void {
    const head = Buffer.alloc(5)
    head.writeUInt32BE(payload.length + 1)
    head[4] = id
    this.socket.write(Buffer.concat([head, payload]))
  }

  #read(data: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, data])
    if (!this.#isMet && this.#buffer.length >= 68) {
      this.#isMet = true
      this.#buffer = this.#buffer.subarray(68)
    }
    while (this.#isMet && this.#buffer.length >= 4) {
      const length = this.#buffer.readUInt32BE(0)
      if (this.#buffer.length < 4 + length) return
      const message = this.#buffer.subarray(4, 4 + length)
      this.#buffer = this.#buffer.subarray(4 + length)
      const [id] = message
      if (id !== undefined && message[0] !== MESSAGE.piece) {
        this.messages.push({ id, payload: message.subarray(1) })
        this.onMessage(id, message.subarray(1))
      }
      if (message[0] === 7) this.uploadedBytes += message.length - 9
      if (message[0] !== 6) continue
      const request = {
        piece: message.readUInt32BE(1),
        offset: message.readUInt32BE(5),
        length: message.readUInt32BE(9),
      }
      this.requests.push(request)
      this.onRequest(request.piece, request.offset, request.length)
    }
  }
}

/** Message identifiers of BEP 3, BEP 6 and BEP 10. */
export const MESSAGE = {
  choke: 0,
  unchoke: 1,
  interested: 2,
  have: 4,
  bitfield: 5,
  request: 6,
  piece: 7,
  cancel: 8,
  haveAll: 14,
  reject: 16,
  extended: 20,
} as const
