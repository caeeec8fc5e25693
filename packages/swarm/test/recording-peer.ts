import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import bencode from 'bencode'

/** Something that undoes at the end of a test. */
export interface Undo {
  after(fn: () => unknown): void
}

export interface Message {
  readonly id: number
  readonly payload: Buffer
}

/** Message identifiers of BEP 3, BEP 6 and BEP 10. */
export const ID = {
  choke: 0,
  unchoke: 1,
  interested: 2,
  have: 4,
  bitfield: 5,
  request: 6,
  piece: 7,
  haveAll: 14,
  haveNone: 15,
  reject: 16,
  extended: 20,
} as const

const PROTOCOL = Buffer.from('\u0013BitTorrent protocol', 'latin1')
/** BEP 10 and BEP 6. */
const RESERVED = Buffer.from([0, 0, 0, 0, 0, 0x10, 0, 0x04])
const HANDSHAKE_BYTES = 68

/** The other end of a wire, without a client behind it: it notes every message and says what the test makes it say. */
export class RecordingPeer {
  readonly socket: Socket
  /** What came, in order; of blocks only piece, offset and length are kept, the length as a third number. */
  readonly messages: Message[] = []
  readonly closed: Promise<void>
  /** Bytes of blocks that came. */
  receivedBytes = 0
  #buffer: Buffer = Buffer.alloc(0)
  #handshake: Buffer | undefined
  #blocks: ((position: { piece: number; offset: number; length: number }) => Uint8Array) | undefined
  readonly #checks = new Set<() => void>()

  private constructor(socket: Socket) {
    this.socket = socket
    // Small messages must not wait for one another.
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.on('data', (data) => this.#read(data))
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        resolve()
        this.#check()
      })
    })
  }

  /** Connects and shakes hands. Rejects when the other side closes instead. */
  static async dial(
    undo: Undo,
    options: { address: string; from: string; infoHash: string; peerId?: string },
  ): Promise<RecordingPeer> {
    const { address, from, infoHash, peerId = `${from}-`.padEnd(20, 'r') } = options
    const [host = '', port] = address.split(':')
    const socket = connect({ host, port: Number(port), localAddress: from })
    undo.after(() => socket.destroy())
    const peer = new RecordingPeer(socket)
    await once(socket, 'connect')
    peer.#greet(infoHash, peerId)
    await peer.until(() => peer.#handshake !== undefined)
    return peer
  }

  /** Waits for connections on a free port of `host`; each is a peer that shook hands. */
  static async listen(
    undo: Undo,
    options: { host: string; infoHash: string; onPeer?: (peer: RecordingPeer) => void },
  ): Promise<{ address: string; peers: RecordingPeer[]; first: Promise<RecordingPeer> }> {
    const peers: RecordingPeer[] = []
    const met = Promise.withResolvers<RecordingPeer>()
    const server = createServer((socket) => {
      undo.after(() => socket.destroy())
      const peer = new RecordingPeer(socket)
      peers.push(peer)
      peer.#greet(options.infoHash, `${options.host}-`.padEnd(20, 'l'))
      peer
        .until(() => peer.#handshake !== undefined)
        .then(() => {
          options.onPeer?.(peer)
          met.resolve(peer)
        }, met.reject)
    })
    // Nobody may wait for the first.
    met.promise.catch(() => {})
    server.listen(0, options.host)
    await once(server, 'listening')
    undo.after(() => server.close())
    const { port } = server.address() as { port: number }
    return { address: `${options.host}:${port}`, peers, first: met.promise }
  }

  /** The other side's 20 bytes, as text. */
  get peerId(): string {
    return this.#handshake?.subarray(48).toString('latin1') ?? ''
  }

  /** The eight bytes in which the other side names its extensions. */
  get reserved(): Buffer {
    return this.#handshake?.subarray(20, 28) ?? Buffer.alloc(0)
  }

  /** What the other side wants to talk about, hexadecimal. */
  get infoHash(): string {
    return this.#handshake?.toString('hex', 28, 48) ?? ''
  }

  /** What the other side said in its BEP 10 handshake; `undefined` before. */
  get extended(): Record<string, unknown> | undefined {
    const hello = this.messages.find(({ id, payload }) => id === ID.extended && payload[0] === 0)
    return hello === undefined ? undefined : (bencode.decode(hello.payload.subarray(1)) as Record<string, unknown>)
  }

  /** What it asked for, in order. */
  get requests(): { piece: number; offset: number; length: number }[] {
    return this.of(ID.request).map((payload) => ({
      piece: payload.readUInt32BE(0),
      offset: payload.readUInt32BE(4),
      length: payload.readUInt32BE(8),
    }))
  }

  of(id: number): Buffer[] {
    return this.messages.filter((message) => message.id === id).map(({ payload }) => payload)
  }

  /** Resolves when it holds, looked at after each message. Rejects when the connection closes first. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = () => {
        const isMet = holds()
        if (!isMet && !this.socket.closed) return
        this.#checks.delete(check)
        if (isMet) resolve()
        else reject(new Error('the connection was closed'))
      }
      this.#checks.add(check)
      check()
    })
  }

  /** From now on answers every request, also those that came, with these bytes. */
  answerWith(blocks: (position: { piece: number; offset: number; length: number }) => Uint8Array): void {
    this.#blocks = blocks
    for (const request of this.requests) this.#answer(request)
  }

  send(id: number, ...numbers: number[]): void {
    const payload = Buffer.alloc(numbers.length * 4)
    for (const [index, number] of numbers.entries()) payload.writeUInt32BE(number, index * 4)
    this.sendBytes(id, payload)
  }

  sendBytes(id: number, ...payload: Uint8Array[]): void {
    const head = Buffer.alloc(5)
    head.writeUInt32BE(payload.reduce((sum, part) => sum + part.length, 1))
    head[4] = id
    this.socket.write(Buffer.concat([head, ...payload]))
  }

  #greet(infoHash: string, peerId: string): void {
    const id = Buffer.from(peerId, 'latin1').subarray(0, 20)
    this.socket.write(Buffer.concat([PROTOCOL, RESERVED, Buffer.from(infoHash, 'hex'), id]))
  }

  #answer(request: { piece: number; offset: number; length: number }): void {
    if (this.#blocks === undefined) return
    const position = Buffer.alloc(8)
    position.writeUInt32BE(request.piece)
    position.writeUInt32BE(request.offset, 4)
    this.sendBytes(ID.piece, position, this.#blocks(request))
  }

  #read(data: Buffer): void {
    this.#buffer = this.#buffer.length === 0 ? data : Buffer.concat([this.#buffer, data])
    if (this.#handshake === undefined) {
      if (this.#buffer.length < HANDSHAKE_BYTES) return
      this.#handshake = this.#take(HANDSHAKE_BYTES)
    }
    while (this.#buffer.length >= 4 && this.#buffer.length >= 4 + this.#buffer.readUInt32BE(0)) {
      const message = this.#take(4 + this.#buffer.readUInt32BE(0)).subarray(4)
      const [id] = message
      // A message without an identifier keeps the connection alive.
      if (id !== undefined) this.#note(id, message.subarray(1))
    }
    this.#check()
  }

  #note(id: number, payload: Buffer): void {
    if (id !== ID.piece) {
      this.messages.push({ id, payload: Buffer.from(payload) })
      const request = id === ID.request ? this.requests.at(-1) : undefined
      if (request !== undefined) this.#answer(request)
      return
    }
    const position = Buffer.alloc(12)
    payload.copy(position, 0, 0, 8)
    position.writeUInt32BE(payload.length - 8, 8)
    this.receivedBytes += payload.length - 8
    this.messages.push({ id, payload: position })
  }

  #take(length: number): Buffer {
    const taken = this.#buffer.subarray(0, length)
    this.#buffer = this.#buffer.subarray(length)
    return taken
  }

  #check(): void {
    for (const check of [...this.#checks]) check()
  }
}
