import type { Socket } from 'node:net'
import { nbdError } from '../errors.ts'

/** What a client sends that nobody asked for is left to its socket from here on. */
const MAX_UNREAD_BYTES = 64 * 1024

/** Reads a socket as many bytes at a time as are asked for: for the handshake, where every length is known. */
export class ByteReader {
  readonly #socket: Socket
  #chunks: Buffer[] = []
  #unreadBytes = 0
  #isOver = false
  #onMore: (() => void) | undefined

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', this.#onData)
    socket.on('end', this.#onOver)
    socket.on('close', this.#onOver)
  }

  /** The next bytes. Fails with `SHOAL_NBD_DISCONNECTED` when the stream ends before them. */
  async read(length: number): Promise<Buffer> {
    while (this.#unreadBytes < length) await this.#more()
    return this.#take(length)
  }

  /** Drops the next bytes as they come. */
  async skip(length: number): Promise<void> {
    for (let left = length; left > 0; ) {
      if (this.#unreadBytes === 0) await this.#more()
      left -= this.#take(Math.min(left, this.#unreadBytes)).length
    }
  }

  /** Leaves the socket, paused, to another reader. Gives what has come and was not read. */
  stop(): Buffer {
    this.#socket.pause()
    this.#socket.off('data', this.#onData)
    this.#socket.off('end', this.#onOver)
    this.#socket.off('close', this.#onOver)
    return this.#take(this.#unreadBytes)
  }

  readonly #onData = (chunk: Buffer) => {
    this.#chunks.push(chunk)
    this.#unreadBytes += chunk.length
    if (this.#onMore === undefined && this.#unreadBytes >= MAX_UNREAD_BYTES) this.#socket.pause()
    this.#onMore?.()
  }

  readonly #onOver = () => {
    this.#isOver = true
    this.#onMore?.()
  }

  async #more(): Promise<void> {
    const before = this.#unreadBytes
    if (!this.#isOver) {
      this.#socket.resume()
      await new Promise<void>((resolve) => {
        this.#onMore = resolve
      })
      this.#onMore = undefined
    }
    if (this.#unreadBytes === before) throw nbdError('SHOAL_NBD_DISCONNECTED')
  }

  #take(length: number): Buffer {
    const bytes = this.#chunks.length === 1 ? this.#chunks[0] : undefined
    const all = bytes ?? Buffer.concat(this.#chunks)
    this.#unreadBytes -= length
    this.#chunks = this.#unreadBytes === 0 ? [] : [all.subarray(length)]
    return all.subarray(0, length)
  }
}
