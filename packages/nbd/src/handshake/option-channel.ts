import type { Socket } from 'node:net'
import { nbdError } from '../errors.ts'
import { GREETING_MAGIC, HANDSHAKE_FLAG, MAX_REQUEST_BYTES, OPTION_HEADER_BYTES, OPTION_MAGIC } from '../protocol.ts'
import { ByteReader } from './byte-reader.ts'
import { encodeOptionReply } from './option-replies.ts'

/** Data of an option that is read; what is longer, up to a request's length, is dropped and refused. */
const MAX_OPTION_BYTES = 64 * 1024

export interface OptionRequest {
  readonly option: number
  /** Undefined when it was too long and was dropped. */
  readonly data: Buffer | undefined
}

/** Options and their replies on a socket, one after the other. */
export class OptionChannel {
  readonly socket: Socket
  readonly #reader: ByteReader

  constructor(socket: Socket) {
    this.socket = socket
    this.#reader = new ByteReader(socket)
  }

  /** Sends the first words and reads the client's flags. */
  async greet(): Promise<{ isFixed: boolean; isPadded: boolean }> {
    const ours = HANDSHAKE_FLAG.fixedNewstyle | HANDSHAKE_FLAG.noZeroes
    await this.send([Buffer.concat([GREETING_MAGIC, Buffer.from([0, ours])])])
    const theirs = (await this.#reader.read(4)).readUInt32BE()
    if ((theirs & ~ours) !== 0) throw nbdError('SHOAL_NBD_PROTOCOL', { reason: `it set the flags ${theirs}` })
    return {
      isFixed: (theirs & HANDSHAKE_FLAG.fixedNewstyle) !== 0,
      isPadded: (theirs & HANDSHAKE_FLAG.noZeroes) === 0,
    }
  }

  async readOption(): Promise<OptionRequest> {
    const header = await this.#reader.read(OPTION_HEADER_BYTES)
    if (!header.subarray(0, 8).equals(OPTION_MAGIC)) {
      throw nbdError('SHOAL_NBD_PROTOCOL', { reason: 'an option does not begin as it must' })
    }
    const option = header.readUInt32BE(8)
    const length = header.readUInt32BE(12)
    if (length <= MAX_OPTION_BYTES) return { option, data: await this.#reader.read(length) }
    if (length > MAX_REQUEST_BYTES) {
      throw nbdError('SHOAL_NBD_PROTOCOL', { reason: `an option has ${length} bytes` })
    }
    await this.#reader.skip(length)
    return { option, data: undefined }
  }

  reply(option: number, type: number, data?: Buffer): Promise<void> {
    return this.send([encodeOptionReply(option, type, data)])
  }

  /** Resolves when the socket has taken all, so that no client has more replies waiting than one option gives. */
  send(buffers: readonly Buffer[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.socket.write(Buffer.concat(buffers), (error) => {
        if (error) reject(nbdError('SHOAL_NBD_DISCONNECTED', {}, error))
        else resolve()
      })
    })
  }

  /** Leaves the socket, paused, to another reader. Gives what has come and was not read. */
  stop(): Buffer {
    return this.#reader.stop()
  }
}
