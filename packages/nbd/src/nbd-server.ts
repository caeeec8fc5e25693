import { createServer, type Server, type Socket } from 'node:net'
import { type Clock, type Logger, silentLogger, steadyClock } from '@shoal/core'
import { nbdError } from './errors.ts'
import type { Exports } from './exports.ts'
import type { NbdTls } from './handshake/start-tls.ts'
import { type NbdLimits, nbdLimits } from './limits.ts'
import { NbdConnection } from './nbd-connection.ts'
import { listenOnTcp } from './tcp-listener.ts'
import { ByteBudget } from './transmission/byte-budget.ts'
import { ReplyBuffers } from './transmission/reply-buffers.ts'
import { listenOnUnix } from './unix-listener.ts'

/** For the last replies after the grace is over, milliseconds. */
const EXPIRED_MS = 1000
/** After so long without a byte the other end of a TCP connection is asked whether it is still there, milliseconds. */
const KEEP_ALIVE_MS = 60_000

export interface NbdServerDeps {
  readonly exports: Exports
  readonly clock?: Clock
  readonly log?: Logger
  /** Told of each connection that had to go because there were too many. */
  readonly onRefused?: () => void
}

export interface NbdCloseOptions {
  /** How long replies that are under way are waited for, milliseconds. */
  readonly graceMs?: number
  /**
   * The server is back at once, as at an upgrade: what is not answered is left to be asked again by clients that connect again, instead
   * of failing with ESHUTDOWN, which a guest would see as an error of its disk.
   */
  readonly willReturn?: boolean
}

/** Serves exports by the NBD protocol, read-only, on any number of sockets. */
export class NbdServer {
  readonly #deps: NbdServerDeps
  readonly #limits: NbdLimits
  readonly #clock: Clock
  readonly #log: Logger
  readonly #buffers: ReplyBuffers
  readonly #budget: ByteBudget
  readonly #listeners: { readonly server: Server; readonly remove?: () => Promise<void> }[] = []
  readonly #connections = new Map<NbdConnection, Promise<void>>()
  #closing: Promise<void> | undefined
  #isFull = false

  constructor(deps: NbdServerDeps, { limits }: { limits?: Partial<NbdLimits> } = {}) {
    this.#deps = deps
    this.#limits = nbdLimits(limits)
    this.#clock = deps.clock ?? steadyClock
    this.#log = (deps.log ?? silentLogger).child({ component: 'nbd' })
    const { idleBytes, sharedBytes, ownBytesPerConnection } = this.#limits
    this.#buffers = new ReplyBuffers({ idleBytes })
    this.#budget = new ByteBudget({ sharedBytes, ownBytes: ownBytesPerConnection })
  }

  get connectionCount(): number {
    return this.#connections.size
  }

  /** Requests whose reply has not left, of all connections. */
  get requestCount(): number {
    let count = 0
    for (const connection of this.#connections.keys()) count += connection.requestCount
    return count
  }

  /** Reply buffers in use. */
  get bufferCount(): number {
    return this.#buffers.usedCount
  }

  /** Listens on a unix socket that only its owner may use, unless `mode` says otherwise. */
  async listenUnix(path: string, { mode = 0o600 }: { mode?: number } = {}): Promise<void> {
    const server = this.#createServer()
    this.#listeners.push({ server, remove: await listenOnUnix(server, path, { mode }) })
  }

  /** Listens on a TCP port, with TLS if that is given; gives the port. Without it, whoever reaches the port can read all exports. */
  async listenTcp({ host, port, tls }: { host: string; port: number; tls?: NbdTls }): Promise<number> {
    const server = this.#createServer(tls)
    const bound = await listenOnTcp(server, { host, port, tls })
    this.#listeners.push({ server })
    return bound
  }

  /**
   * Listens no more, lets replies that are under way leave and closes the connections. After the grace the rest fails. Resolves when
   * nothing is under way.
   */
  close(options: NbdCloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(options)
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #createServer(tls?: NbdTls): Server {
    if (this.#closing !== undefined) throw nbdError('SHOAL_NBD_SHUTDOWN')
    const options = { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS }
    return createServer(options, (socket) => this.#accept(socket, tls))
  }

  #accept(socket: Socket, tls: NbdTls | undefined): void {
    if (this.#closing !== undefined) {
      socket.on('error', () => {})
      socket.destroy()
      return
    }
    if (this.#connections.size < this.#limits.connections) this.#isFull = false
    else if (!this.#makeRoom()) {
      this.#refuse(socket)
      return
    }
    const connection = new NbdConnection(
      {
        exports: this.#deps.exports,
        tls,
        buffers: this.#buffers,
        budget: this.#budget,
        limits: this.#limits,
        clock: this.#clock,
        log: this.#log,
      },
      socket,
    )
    const ended = connection.run().finally(() => this.#connections.delete(connection))
    this.#connections.set(connection, ended)
  }

  /**
   * Ends the oldest connection that is still at its handshake, which takes a client milliseconds: who only connects does not keep
   * machines from their disks.
   */
  #makeRoom(): boolean {
    for (const connection of this.#connections.keys()) {
      if (!connection.isShakingHands) continue
      this.#connections.delete(connection)
      connection.destroy()
      this.#noteRefusal()
      return true
    }
    return false
  }

  #refuse(socket: Socket): void {
    socket.on('error', () => {})
    socket.destroy()
    this.#noteRefusal()
  }

  #noteRefusal(): void {
    this.#deps.onRefused?.()
    // Once each time, so that nobody can fill the log.
    if (!this.#isFull) this.#log.warn({ connections: this.#connections.size }, 'NBD connections are refused')
    this.#isFull = true
  }

  async #close({ graceMs = 10_000, willReturn = false }: NbdCloseOptions): Promise<void> {
    const closed = this.#listeners.map(({ server }) => new Promise((resolve) => server.close(resolve)))
    for (const connection of this.#connections.keys()) connection.shutDown({ willReturn })
    await Promise.all(this.#listeners.map(({ remove }) => remove?.()))
    const settled = new AbortController()
    this.#expireAfter(graceMs, settled.signal).catch(() => {})
    await Promise.all(this.#connections.values())
    settled.abort()
    await Promise.all(closed)
  }

  async #expireAfter(graceMs: number, signal: AbortSignal): Promise<void> {
    await this.#clock.sleep(graceMs, { signal })
    for (const connection of this.#connections.keys()) connection.expire()
    await this.#clock.sleep(EXPIRED_MS, { signal })
    for (const connection of this.#connections.keys()) connection.destroy()
  }
}
