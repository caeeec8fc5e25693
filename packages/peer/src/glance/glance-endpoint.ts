import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  boundConnections,
  type Clock,
  type ConnectionLimits,
  errorCode,
  errorFactory,
  errorMessage,
  type Logger,
} from '@shoal/core'
import { serviceErrors } from '@shoal/service'
import { downloadedImage } from './downloaded-image.ts'
import type { Downloads } from './downloads.ts'
import { answerError, type Exchange, ExchangeOver } from './exchange.ts'
import type { GatewayCounters } from './metrics.ts'
import { passThrough } from './pass-through.ts'
import type { Upstream } from './upstream.ts'

const MAX_HEADER_BYTES = 64 * 1024
const IDLE_MS = 60_000
/** Nova of this node comes from this machine. The head of a request must have come in this time; a body may take as long as it needs. */
const CONNECTIONS: ConnectionLimits = { total: 2000, perAddress: 500, unused: 500, headersTimeoutMs: 60_000 }
/** Late heads are looked for this often. */
const LATE_CHECK_MS = 5000
/** Requests that run get this long when the daemon stops. */
const DRAIN_MS = 1000

const listenError = errorFactory(serviceErrors)

export interface GlanceEndpointDeps {
  readonly upstream: Upstream
  readonly downloads: Pick<Downloads, 'answer'>
  readonly counters: GatewayCounters
  /** Told of each connection that was turned away. */
  readonly onFlood?: (address: string | undefined) => void
  readonly clock: Clock
  readonly logger: Logger
}

export interface GlanceEndpointOptions {
  readonly listen: { readonly host: string; readonly port: number }
  /** So long a client may neither take nor send anything while its request runs. Milliseconds. */
  readonly stallMs: number
}

/**
 * Glance's API on a compute node. It is no fastify service: every path is Glance's, no body is ours to parse, and what
 * a router or a serialiser would do to a request is what must not happen to it (ADR 30).
 */
export class GlanceEndpoint implements AsyncDisposable {
  readonly #deps: GlanceEndpointDeps
  readonly #options: GlanceEndpointOptions
  readonly #server: Server
  readonly #stopped = new AbortController()
  readonly #running = new Set<Promise<void>>()
  #requests = 0

  constructor(deps: GlanceEndpointDeps, options: GlanceEndpointOptions) {
    this.#deps = deps
    this.#options = options
    const settings = { maxHeaderSize: MAX_HEADER_BYTES, requestTimeout: 0, connectionsCheckingInterval: LATE_CHECK_MS }
    this.#server = createServer({ ...settings, keepAliveTimeout: IDLE_MS })
    boundConnections(this.#server, (address) => deps.onFlood?.(address), CONNECTIONS)
    const onRequest = (request: IncomingMessage, response: ServerResponse) => this.#onRequest(request, response)
    this.#server.on('request', onRequest)
    // Whether the body is wanted is for Glance to say.
    this.#server.on('checkContinue', onRequest)
  }

  /** Listens; resolves to the base URL. Throws `SHOAL_HTTP_PORT_IN_USE` or `SHOAL_HTTP_ADDRESS`. */
  async start(): Promise<string> {
    const { host, port } = this.#options.listen
    const listening = Promise.withResolvers<void>()
    this.#server.once('error', listening.reject)
    this.#server.listen({ host, port }, listening.resolve)
    try {
      await listening.promise
    } catch (error) {
      const isTaken = errorCode(error) === 'EADDRINUSE'
      if (isTaken) throw listenError('SHOAL_HTTP_PORT_IN_USE', { host, port }, error)
      throw listenError('SHOAL_HTTP_ADDRESS', { host, port, reason: errorMessage(error) }, error)
    }
    const { port: taken } = this.#server.address() as AddressInfo
    return `http://${host.includes(':') ? `[${host}]` : host}:${taken}`
  }

  /** Lets requests finish for a moment, then cuts them. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#stopped.signal.aborted || !this.#server.listening) return
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeIdleConnections()
    const drained = new AbortController()
    const late = this.#deps.clock.sleep(DRAIN_MS, { signal: drained.signal }).catch(() => {})
    await Promise.race([Promise.all(this.#running), late])
    drained.abort()
    this.#stopped.abort(new ExchangeOver('the peer is stopping'))
    this.#server.closeAllConnections()
    await closed
    await Promise.all(this.#running)
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const run = this.#answer(request, response).finally(() => this.#running.delete(run))
    this.#running.add(run)
  }

  /** Never rejects. */
  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { downloads, counters, clock, logger } = this.#deps
    const requestId = ++this.#requests
    const begunAt = clock.now()
    const gone = new AbortController()
    const closed = Promise.withResolvers<void>()
    response.once('close', () => {
      gone.abort(new ExchangeOver('the client has gone'))
      closed.resolve()
    })
    response.setTimeout(this.#options.stallMs)
    const exchange: Exchange = { request, response, signal: AbortSignal.any([gone.signal, this.#stopped.signal]) }
    const { method = '', url = '' } = request
    const image = downloadedImage(method, url)
    let code: string | undefined
    try {
      if (image !== undefined) await downloads.answer(image, exchange)
      else await passThrough(exchange, this.#deps.upstream)
    } catch (error) {
      const answered = answerError(exchange, error)
      code = error instanceof ExchangeOver ? undefined : answered.code
      if (code === 'SHOAL_GATEWAY_CUT') counters.cut()
      if (code !== undefined) logger.error({ requestId, code, error, hint: answered.hint }, 'request to Glance failed')
    }
    // Glance may have answered before it had all of the request: the rest is in the way of the next one.
    if (!request.complete) request.unpipe().resume()
    await closed.promise
    const status = response.statusCode
    counters.answered({ isDownload: image !== undefined, status })
    const durationMs = Math.round((clock.now() - begunAt) * 10) / 10
    const path = (url.split('?', 1)[0] ?? url).slice(0, 500)
    logger.info({ requestId, method, path, status, durationMs, ...(code === undefined ? {} : { code }) }, 'request')
  }
}
