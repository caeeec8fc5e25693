import { createConnection, type Socket } from 'node:net'
import { ByteReader } from '../src/handshake/byte-reader.ts'
import {
  INFO,
  OPTION,
  OPTION_REPLY,
  REQUEST_MAGIC,
  SIMPLE_REPLY_MAGIC,
  STRUCTURED_REPLY_MAGIC,
} from '../src/protocol.ts'

export interface OptionReply {
  readonly option: number
  readonly type: number
  readonly data: Buffer
}

export interface Request {
  readonly type: number
  readonly flags?: number
  readonly cookie?: bigint
  readonly offset?: number | bigint
  readonly length?: number
  readonly magic?: number
}

export interface Chunk {
  readonly type: number
  readonly isDone: boolean
  readonly cookie: bigint
  readonly payload: Buffer
}

/** A client that says what it is told to, right or wrong. */
export class NbdClient {
  socket: Socket
  #reader: ByteReader
  /** Resolves when the server has closed its side. */
  readonly ended: Promise<void>

  constructor(socket: Socket) {
    this.socket = socket
    this.#reader = new ByteReader(socket)
    this.ended = new Promise((resolve) => {
      socket.on('end', resolve)
      socket.on('close', () => resolve())
    })
    socket.on('error', () => {})
  }

  static async connect(where: { path: string } | { host: string; port: number }): Promise<NbdClient> {
    const socket = createConnection({ ...where, allowHalfOpen: true })
    await new Promise((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    return new NbdClient(socket)
  }

  send(...parts: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(parts))
  }

  read(length: number): Promise<Buffer> {
    return this.#reader.read(length)
  }

  /** Stops reading, so that another reader may. */
  detach(): Socket {
    this.#reader.stop()
    return this.socket
  }

  /** Reads the server's first words and answers with flags; gives those of the server. */
  async greet(flags = 3): Promise<number> {
    const greeting = await this.read(18)
    if (greeting.toString('latin1', 0, 16) !== 'NBDMAGICIHAVEOPT') throw new Error('no NBD server')
    this.send(uint32(flags))
    return greeting.readUInt16BE(16)
  }

  /** Sends an option and reads its replies up to the last one. */
  async option(option: number, data: Buffer = Buffer.alloc(0)): Promise<OptionReply[]> {
    this.send(encodeOption(option, data))
    const replies: OptionReply[] = []
    for (;;) {
      const reply = await this.optionReply()
      replies.push(reply)
      if (reply.type === OPTION_REPLY.ack || reply.type >= 0x80000000) return replies
    }
  }

  async optionReply(): Promise<OptionReply> {
    const header = await this.read(20)
    if (header.toString('hex', 0, 8) !== '0003e889045565a9') throw new Error('no reply to an option')
    const data = await this.read(header.readUInt32BE(16))
    return { option: header.readUInt32BE(8), type: header.readUInt32BE(12), data }
  }

  /** Enters an export; gives its size and flags. */
  async go(
    name: string,
    { isStructured = false, hasAllocation = false }: { isStructured?: boolean; hasAllocation?: boolean } = {},
  ): Promise<{ sizeBytes: number; flags: number }> {
    if (isStructured) await this.option(OPTION.structuredReply)
    if (hasAllocation) await this.option(OPTION.setMetaContext, encodeMetaQuery(name, ['base:allocation']))
    const replies = await this.option(OPTION.go, encodeInfoQuery(name))
    const info = replies.find(({ data }) => data.length === 12 && data.readUInt16BE() === INFO.export)
    if (info === undefined) throw new Error(`no export ${name}: ${replies.at(-1)?.type.toString(16)}`)
    return { sizeBytes: Number(info.data.readBigUInt64BE(2)), flags: info.data.readUInt16BE(10) }
  }

  request(request: Request, ...payload: Buffer[]): void {
    this.send(encodeRequest(request), ...payload)
  }

  /** A simple reply, with data if there is no error. */
  async simpleReply(length = 0): Promise<{ errno: number; cookie: bigint; data: Buffer }> {
    const header = await this.read(16)
    if (header.readUInt32BE() !== SIMPLE_REPLY_MAGIC) throw new Error('no simple reply')
    const errno = header.readUInt32BE(4)
    return { errno, cookie: header.readBigUInt64BE(8), data: await this.read(errno === 0 ? length : 0) }
  }

  async chunk(): Promise<Chunk> {
    const header = await this.read(20)
    if (header.readUInt32BE() !== STRUCTURED_REPLY_MAGIC) throw new Error('no structured reply')
    const payload = await this.read(header.readUInt32BE(16))
    const isDone = header.readUInt16BE(4) === 1
    return { type: header.readUInt16BE(6), isDone, cookie: header.readBigUInt64BE(8), payload }
  }

  /** The chunks of one reply. */
  async chunks(): Promise<Chunk[]> {
    const chunks: Chunk[] = []
    for (;;) {
      const chunk = await this.chunk()
      chunks.push(chunk)
      if (chunk.isDone) return chunks
    }
  }

  close(): void {
    this.socket.destroy()
  }
}

export function encodeOption(option: number, data: Buffer, { length = data.length } = {}): Buffer {
  return Buffer.concat([Buffer.from('IHAVEOPT'), uint32(option), uint32(length), data])
}

export function encodeInfoQuery(name: string, infos: readonly number[] = []): Buffer {
  return Buffer.concat([text(name), uint16(infos.length), ...infos.map(uint16)])
}

export function encodeMetaQuery(name: string, queries: readonly string[]): Buffer {
  return Buffer.concat([text(name), uint32(queries.length), ...queries.map(text)])
}

export function encodeRequest({ type, flags = 0, cookie = 1n, offset = 0, length = 0, magic }: Request): Buffer {
  const bytes = Buffer.alloc(28)
  bytes.writeUInt32BE(magic ?? REQUEST_MAGIC, 0)
  bytes.writeUInt16BE(flags, 4)
  bytes.writeUInt16BE(type, 6)
  bytes.writeBigUInt64BE(cookie, 8)
  bytes.writeBigUInt64BE(BigInt(offset), 16)
  bytes.writeUInt32BE(length, 24)
  return bytes
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function uint16(value: number): Buffer {
  return uint32(value).subarray(2)
}

function text(value: string): Buffer {
  return Buffer.concat([uint32(Buffer.byteLength(value)), Buffer.from(value)])
}
