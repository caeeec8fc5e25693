import type { Socket } from 'node:net'
import type { Clock } from '@shoal/core'
import type { NbdLimits } from '../limits.ts'
import { COMMAND, ERRNO } from '../protocol.ts'
import type { ByteAccount, ByteBudget } from './byte-budget.ts'
import { type Agreed, checkRequest } from './check-request.ts'
import { type ReplyBuffers, slotBytes } from './reply-buffers.ts'
import { ReplyWriter } from './reply-writer.ts'
import { RequestReader } from './request-reader.ts'
import { RequestRunner } from './request-runner.ts'

/**
 * What a client may send ahead of what is served; then its socket is read no further. As long as it is read, a client that goes is
 * noticed, and 2,300 requests are more than any client has under way.
 */
const MAX_UNREAD_BYTES = 64 * 1024

export interface TransmissionDeps {
  readonly buffers: ReplyBuffers
  readonly budget: ByteBudget
  readonly limits: NbdLimits
  readonly clock: Clock
}

/** Takes the requests of one connection, as many at once as the limits allow, until one side ends it. */
export class Transmission {
  readonly #deps: TransmissionDeps
  readonly #agreed: Agreed
  readonly #socket: Socket
  readonly #account: ByteAccount
  readonly #runner: RequestRunner
  readonly #requests = new RequestReader()
  readonly #cancel = new AbortController()
  readonly #closed = new AbortController()
  readonly #done = Promise.withResolvers<void>()
  /** `refusing`: the server shuts down. `leaving`: nothing more is read. In both it ends when the last reply has left. */
  #phase: 'serving' | 'refusing' | 'leaving' = 'serving'
  /** The request that was read last waits until the limits allow it. */
  #isHeld = false
  #isPumping = false
  #hasEnded = false

  constructor(deps: TransmissionDeps, agreed: Agreed, socket: Socket) {
    this.#deps = deps
    this.#agreed = agreed
    this.#socket = socket
    this.#account = deps.budget.open(() => this.#pump())
    this.#runner = new RequestRunner({
      agreed,
      writer: new ReplyWriter(socket, agreed),
      buffers: deps.buffers,
      signal: this.#cancel.signal,
      onFinished: (takenBytes) => this.#onFinished(takenBytes),
    })
  }

  /** Requests whose reply has not left. */
  get requestCount(): number {
    return this.#runner.underWay
  }

  /** Serves what came with the handshake, and then the socket. Resolves when that is closed and no request is under way. */
  run(rest: Buffer): Promise<void> {
    const socket = this.#socket
    socket.on('data', (chunk) => this.#onData(chunk))
    socket.on('end', () => this.#onEnd())
    socket.on('close', () => this.#onClose())
    this.#onData(rest)
    socket.resume()
    // These came before anybody listened.
    if (socket.readableEnded) this.#onEnd()
    if (socket.closed) this.#onClose()
    return this.#done.promise
  }

  /** Finishes what is under way and ends; what comes now is refused, or left for the client to repeat on its next connection. */
  shutDown({ willReturn }: { willReturn: boolean }): void {
    if (willReturn) this.#leave()
    else if (this.#phase === 'serving') this.#phase = 'refusing'
    this.#pump()
    this.#endIfIdle()
  }

  /** Fails what is still under way. */
  expire(): void {
    this.#cancel.abort()
  }

  #onData(chunk: Buffer): void {
    if (this.#phase === 'leaving') return
    this.#requests.push(chunk)
    this.#pump()
  }

  /** The client says nothing more. Unless it has said goodbye it is gone. */
  #onEnd(): void {
    if (this.#phase !== 'leaving') this.#socket.destroy()
  }

  #onClose(): void {
    this.#phase = 'leaving'
    this.#closed.abort()
    this.#cancel.abort()
    this.#account.leave()
    if (this.#runner.underWay === 0) this.#done.resolve()
  }

  #onFinished(takenBytes: number): void {
    this.#account.give(takenBytes)
    this.#pump()
    this.#endIfIdle()
    if (this.#closed.signal.aborted && this.#runner.underWay === 0) this.#done.resolve()
  }

  /** Begins as many requests as have come and the limits allow. */
  #pump(): void {
    if (this.#isPumping || !this.#isReading) return
    this.#isPumping = true
    try {
      while (this.#isReading && (this.#isHeld || this.#requests.next())) {
        this.#isHeld = !this.#serve()
        if (this.#isHeld) break
      }
    } catch (error) {
      this.#socket.destroy(error as Error)
    }
    this.#isPumping = false
    if (this.#requests.unreadBytes > MAX_UNREAD_BYTES) this.#socket.pause()
    else if (this.#socket.isPaused()) this.#socket.resume()
  }

  get #isReading(): boolean {
    return this.#phase !== 'leaving'
  }

  /** False when the limits do not allow the request yet. */
  #serve(): boolean {
    const request = this.#requests
    if (request.type === COMMAND.disconnect) {
      this.#leave()
      this.#endIfIdle()
      return true
    }
    const errno = this.#phase === 'refusing' ? ERRNO.ESHUTDOWN : checkRequest(request, this.#agreed)
    const hasData = errno === ERRNO.none && request.type === COMMAND.read && request.length > 0
    const bytes = hasData ? slotBytes(request.length) : 0
    if (!this.#admit(bytes)) return false
    if (errno === ERRNO.none) this.#runner.run(request, bytes)
    else this.#runner.refuse(request, errno)
    return true
  }

  #admit(bytes: number): boolean {
    const { requestsPerConnection, bytesPerConnection } = this.#deps.limits
    const { usedBytes } = this.#account
    if (this.#runner.underWay >= requestsPerConnection) return false
    if (usedBytes > 0 && usedBytes + bytes > bytesPerConnection) return false
    return this.#account.tryTake(bytes)
  }

  /** Reads nothing more. The client has some time to take the replies that are under way. */
  #leave(): void {
    if (this.#phase === 'leaving') return
    this.#phase = 'leaving'
    this.#account.leave()
    // It is read on, and dropped, so that its end is seen.
    this.#socket.resume()
    const { clock, limits } = this.#deps
    const timer = clock.sleep(limits.disconnectMs, { signal: this.#closed.signal })
    timer.then(
      () => this.#socket.destroy(),
      () => {},
    )
  }

  #endIfIdle(): void {
    if (this.#phase === 'serving' || this.#runner.underWay > 0 || this.#hasEnded) return
    this.#hasEnded = true
    this.#leave()
    // Once all has left. The client is not waited for: QEMU does not look at a connection that it has no request on.
    this.#socket.destroySoon()
  }
}
