import type { X509Certificate } from 'node:crypto'
import { createServer, type Server } from 'node:https'
import type { Socket } from 'node:net'
import { isIPv6 } from 'node:net'
import { TLSSocket } from 'node:tls'
import { boundConnections, errorCode } from '@shoal/core'
import { LATE_CHECK_MS, MAX_HEADER_BYTES, NODE_CONNECTION_LIMITS } from './connection-limits.ts'
import { serviceError } from './errors.ts'
import type { HttpApp } from './http-service.ts'

/** Who showed a certificate. */
export interface CertificateHolder {
  readonly role: 'node' | 'seed'
  readonly name: string
}

/** A caller that was turned away on account of who it is. */
export interface CallerRefusal {
  readonly code: string
  /** The node that the caller's certificate names, where it was taken for one. */
  readonly node: string | undefined
  readonly operation: string
  readonly address: string
}

/** The listener on which nodes show who they are by TLS client certificates, and what decides whose they are. */
export interface NodeListenerOptions {
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  /** Key, chain and authorities that hold now, in PEM. */
  secureContext(): { readonly key: string; readonly cert: string; readonly ca: string[] }
  /** Whom a chain speaks for, the holder's certificate first. Throws a coded error when nobody's. */
  identify(chain: readonly X509Certificate[]): CertificateHolder
  /** Told of each request that is refused because of who sent it. */
  refused(refusal: CallerRefusal): void
}

/** Time after which a connection that is still used is verified again: its certificate may be over. */
const VERIFIED_MS = 60_000
/** How often it is looked which certificates are over by now: so long a connection may outlive its own. */
const LOOK_MS = 2000
const MIN_TLS = 'TLSv1.3'
const HANDSHAKE_TIMEOUT_MS = 10_000
const MAX_CHAIN = 4

interface Verified {
  /** Taken from TLS once: that makes new objects each time. */
  readonly chain: readonly X509Certificate[]
  readonly holder: CertificateHolder
  readonly until: number
  /** When the first certificate of the chain is over. Milliseconds since the epoch. */
  readonly endsAt: number
}

/** TLS in front of the routes of a service. Who holds no certificate may still connect: to join, or with a token. */
export class NodeListener {
  readonly #options: NodeListenerOptions
  readonly #server: Server
  readonly #verified = new Map<TLSSocket, Verified>()
  readonly #sockets = new Set<Socket>()
  readonly #timer: NodeJS.Timeout

  constructor(
    app: HttpApp,
    options: NodeListenerOptions,
    limits: { readonly requestMs: number; onConnectionRefused(address: string | undefined): void },
  ) {
    this.#options = options
    this.#server = createServer(
      {
        ...options.secureContext(),
        minVersion: MIN_TLS,
        requestCert: true,
        // OpenSSL's verdict is not enough (names, revocation) and too much (clocks that differ): `identify` gives it.
        rejectUnauthorized: false,
        handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
        requestTimeout: limits.requestMs,
        maxHeaderSize: MAX_HEADER_BYTES,
        connectionsCheckingInterval: LATE_CHECK_MS,
        keepAliveTimeout: app.server.keepAliveTimeout,
      },
      (request, response) => app.routing(request, response),
    )
    boundConnections(this.#server, limits.onConnectionRefused, NODE_CONNECTION_LIMITS)
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    let looks = 0
    this.#timer = setInterval(() => {
      looks += 1
      const isAll = (looks * LOOK_MS) % VERIFIED_MS === 0
      this.#verifyAgain(({ endsAt }) => isAll || endsAt <= Date.now())
    }, LOOK_MS)
    this.#timer.unref()
  }

  /** Listens; resolves to the base URL. Throws `SHOAL_HTTP_PORT_IN_USE` or `SHOAL_HTTP_ADDRESS`. */
  async start(): Promise<string> {
    const { host, port } = this.#options
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#server.once('error', reject)
    this.#server.listen({ host, port }, resolve)
    try {
      await promise
    } catch (error) {
      const code = errorCode(error)
      if (code === 'EADDRINUSE') throw serviceError('SHOAL_HTTP_PORT_IN_USE', { host, port }, error)
      throw serviceError('SHOAL_HTTP_ADDRESS', { host, port, reason: String(code) }, error)
    } finally {
      this.#server.off('error', reject)
    }
    const address = this.#server.address()
    const bound = typeof address === 'object' && address !== null ? address.port : port
    return `https://${isIPv6(host) ? `[${host}]` : host}:${bound}`
  }

  /** Whose certificate a connection showed; none without one, and on other listeners. Throws the verdict's coded error. */
  holderOf(socket: Socket): CertificateHolder | undefined {
    if (!(socket instanceof TLSSocket)) return undefined
    const known = this.#verified.get(socket)
    if (known !== undefined && known.until > performance.now()) return known.holder
    const chain = known?.chain ?? chainOf(socket)
    if (chain.length === 0) return undefined
    const holder = this.#options.identify(chain)
    if (known === undefined) socket.once('close', () => this.#verified.delete(socket))
    const endsAt = Math.min(...chain.map(({ validToDate }) => validToDate.getTime()))
    this.#verified.set(socket, { chain, holder, until: performance.now() + VERIFIED_MS, endsAt })
    return holder
  }

  /** Tells of a caller that was turned away, if it came by this listener. */
  refused(socket: Socket, refusal: CallerRefusal): void {
    if (socket instanceof TLSSocket) this.#options.refused(refusal)
  }

  /** Uses the certificates that hold now for new connections, and ends those whose holder's do not any more. */
  renew(): void {
    this.#server.setSecureContext({ ...this.#options.secureContext(), minVersion: MIN_TLS })
    this.verifyAgain()
  }

  /** Ends connections whose certificate is over or revoked, open event streams among them. */
  verifyAgain(): void {
    this.#verifyAgain(() => true)
  }

  #verifyAgain(isMeant: (verified: Verified) => boolean): void {
    for (const [socket, verified] of this.#verified) {
      if (!isMeant(verified)) continue
      try {
        this.#options.identify(verified.chain)
      } catch {
        socket.destroy()
      }
    }
  }

  /** Takes no more connections; resolves when none is left. Idle ones are closed. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    if (!this.#server.listening) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#server.close(() => resolve())
    this.#server.closeIdleConnections()
    await promise
  }

  /** Cuts what is still open. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}

/** What the other end showed, its own certificate first. */
function chainOf(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = []
  for (let next = socket.getPeerX509Certificate(); next !== undefined && chain.length < MAX_CHAIN; ) {
    chain.push(next)
    next = next.issuerCertificate
  }
  return chain
}
