import type { Socket } from 'node:net'
import { errorCode, errorMessage, type Logger } from '@shoal/core'
import { haggle } from './handshake/haggle.ts'
import type { HandshakeDeps, Negotiated } from './handshake/session.ts'
import { Transmission, type TransmissionDeps } from './transmission/transmission.ts'

export interface NbdConnectionDeps extends Omit<HandshakeDeps, 'signal' | 'isClosing'>, TransmissionDeps {
  readonly log: Logger
}

/** One connection, from its first word until it is closed and nothing of it is under way. */
export class NbdConnection {
  readonly #deps: NbdConnectionDeps
  readonly #socket: Socket
  readonly #gone = new AbortController()
  #closing: { willReturn: boolean } | undefined
  #transmission: Transmission | undefined

  constructor(deps: NbdConnectionDeps, socket: Socket) {
    this.#deps = deps
    this.#socket = socket
    socket.on('error', (error) => this.#log(error))
    socket.on('close', () => this.#gone.abort())
  }

  /** Whether its client has not chosen an export yet. */
  get isShakingHands(): boolean {
    return this.#transmission === undefined
  }

  /** Requests whose reply has not left. */
  get requestCount(): number {
    return this.#transmission?.requestCount ?? 0
  }

  async run(): Promise<void> {
    try {
      const negotiated = await this.#handshake()
      if (negotiated !== undefined) await this.#transmit(negotiated)
    } catch (error) {
      this.#log(error)
    } finally {
      // What the last reply says is still to leave.
      this.#socket.destroySoon()
    }
  }

  /** The server shuts down: no handshake succeeds any more, and what is under way is finished. */
  shutDown({ willReturn }: { willReturn: boolean }): void {
    this.#closing = { willReturn }
    this.#transmission?.shutDown(this.#closing)
  }

  /** Nothing is waited for any more: what is under way fails, unless the client is to ask for it again. */
  expire(): void {
    if (this.#transmission === undefined || this.#closing?.willReturn === true) this.#socket.destroy()
    else this.#transmission.expire()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  async #handshake(): Promise<Negotiated | undefined> {
    const { clock, limits } = this.#deps
    const ended = new AbortController()
    clock.sleep(limits.handshakeMs, { signal: ended.signal }).then(
      () => this.#socket.destroy(),
      () => {},
    )
    try {
      const deps = { ...this.#deps, signal: this.#gone.signal, isClosing: () => this.#closing !== undefined }
      return await haggle(deps, this.#socket)
    } finally {
      ended.abort()
    }
  }

  async #transmit({ socket, found, isStructured, hasAllocation, rest }: Negotiated): Promise<void> {
    if (socket !== this.#socket) socket.on('error', (error) => this.#log(error))
    this.#transmission = new Transmission(this.#deps, { device: found.device, isStructured, hasAllocation }, socket)
    this.#deps.log.debug({ export: found.name }, 'a client uses an export')
    try {
      const done = this.#transmission.run(rest)
      if (this.#closing !== undefined) this.#transmission.shutDown(this.#closing)
      await done
    } finally {
      found.release()
    }
  }

  #log(error: unknown): void {
    this.#deps.log.debug({ code: errorCode(error), reason: errorMessage(error) }, 'an NBD connection ended')
  }
}
