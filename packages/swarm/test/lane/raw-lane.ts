import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Undo } from '../../../../test/harness/undo.ts'
import { HEADER_BYTES, readHeader, writeHeader } from '../../src/lane/frame.ts'
import { encodeLanePreamble } from '../../src/lane/lane-preamble.ts'
import { listen, newPeerId, portOf, type Source } from './lane-fixture.ts'

export interface RawFrame {
  readonly type: number
  readonly flags?: number
  readonly channel?: number
  readonly length?: number
  readonly a?: number
  readonly b?: number
  readonly payload?: Buffer
}

export function encodeFrame({ type, flags = 0, channel = 0, a = 0, b = 0, ...rest }: RawFrame): Buffer {
  const { payload = Buffer.alloc(0), length = payload.length } = rest
  const header = Buffer.alloc(HEADER_BYTES)
  writeHeader(header, 0, { type, flags, channel, length, a, b })
  return Buffer.concat([header, payload])
}

/** One end of a lane that says what it is told to say. */
export class RawLane {
  readonly socket: Socket
  readonly closed: Promise<void>
  readonly frames: RawFrame[] = []
  #rest: Buffer = Buffer.alloc(0)

  constructor(socket: Socket, { skipBytes = 0 } = {}) {
    this.socket = socket
    socket.on('error', () => {})
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()))
    let skip = skipBytes
    socket.on('data', (chunk) => {
      const skipped = Math.min(skip, chunk.length)
      skip -= skipped
      this.#read(chunk.subarray(skipped))
    })
  }

  /** A client of a source, with the right token. */
  static async client(undo: Undo, source: Source, { join = '' } = {}): Promise<RawLane> {
    const socket = connect({ host: source.host, port: source.port, localAddress: source.host })
    undo.after(async () => void socket.destroy())
    await once(socket, 'connect')
    const peerId = newPeerId()
    socket.write(encodeLanePreamble({ peerId, token: source.server.token(peerId) }))
    const lane = new RawLane(socket)
    if (join !== '') lane.send({ type: 1, payload: Buffer.from(join, 'hex') })
    return lane
  }

  send(...frames: RawFrame[]): void {
    this.socket.write(Buffer.concat(frames.map(encodeFrame)))
  }

  /** Resolves with the first frame of a type. */
  async frame(type: number): Promise<RawFrame> {
    for (;;) {
      const frame = this.frames.find((one) => one.type === type)
      if (frame !== undefined) return frame
      if (this.socket.destroyed) throw new Error('the lane was closed')
      await Promise.race([once(this.socket, 'data'), this.closed])
    }
  }

  #read(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk])
    while (this.#rest.length >= HEADER_BYTES) {
      const header = readHeader(this.#rest, 0)
      const end = HEADER_BYTES + header.length
      if (this.#rest.length < end) return
      this.frames.push({ ...header, payload: this.#rest.subarray(HEADER_BYTES, end) })
      this.#rest = this.#rest.subarray(end)
    }
  }
}

/** A source that says what `onLane` makes it say. */
export async function rawSource(
  undo: Undo,
  host: string,
  onLane: (lane: RawLane) => void,
): Promise<{ host: string; port: number }> {
  const server = await listen(undo, host, (socket) => {
    undo.after(async () => void socket.destroy())
    onLane(new RawLane(socket, { skipBytes: 48 }))
  })
  return { host, port: portOf(server) }
}
