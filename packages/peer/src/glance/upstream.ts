import { readFile } from 'node:fs/promises'
import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { isIP } from 'node:net'
import type { Readable } from 'node:stream'
import { errorCode, errorMessage } from '@shoal/core'
import { gatewayError } from './errors.ts'
import { endToEnd, type RawHeaders, values } from './hop-headers.ts'
import { sendBody } from './send-body.ts'

const CONNECT_MS = 10_000
/** What is less is sent at once: it is on its way before Glance can refuse it. */
const LARGE_BYTES = 64 * 1024
const CHUNKED = ['Transfer-Encoding', 'chunked']
const EXPECT = ['Expect', '100-continue']
const HOST: ReadonlySet<string> = new Set(['host'])
/** Keystone's tokens may be long, and a catalogue in a header is longer. */
const MAX_HEADER_BYTES = 64 * 1024

/** Which name of Glance it is sent: the one that the client used itself, or Glance's own. */
export type HostName = 'caller' | 'glance'

export interface UpstreamOptions {
  /** Base URL of Glance, without `/v2`. */
  readonly url: string
  /** Certificates to trust in place of the system's. */
  readonly caFile: string | null
  readonly sendHost: HostName
  /** So long Glance may say nothing. Milliseconds. */
  readonly silenceMs: number
}

export interface UpstreamRequest {
  readonly method: string
  /** Path and query as the client sent them. */
  readonly path: string
  /** `Host` among them, as the client has it. */
  readonly headers: RawHeaders
  /** Sent as it comes; its length is in the headers, or `isChunked`. */
  readonly body?: Readable | undefined
  readonly isChunked?: boolean | undefined
  readonly silenceMs?: number | undefined
  /** Glance is ready for the body of a request that expects to be told so. */
  readonly onContinue?: (() => void) | undefined
  readonly signal: AbortSignal
}

/**
 * The real Glance. Each request has a connection of its own: one that was kept may be closed by the server at the
 * moment it is used again, and a body cannot be sent twice.
 */
export class Upstream {
  readonly #options: UpstreamOptions
  readonly #base: URL
  readonly #ca: string | undefined

  private constructor(options: UpstreamOptions, ca: string | undefined) {
    this.#options = options
    this.#base = new URL(options.url)
    this.#ca = ca
  }

  /** Throws `SHOAL_GATEWAY_CERTIFICATE` when the file with certificates cannot be read. */
  static async open(options: UpstreamOptions): Promise<Upstream> {
    const { caFile } = options
    if (caFile === null) return new Upstream(options, undefined)
    const ca = await readFile(caFile, 'utf8').catch((error: unknown) => {
      throw gatewayError('SHOAL_GATEWAY_CERTIFICATE', { path: caFile, reason: errorMessage(error) }, error)
    })
    return new Upstream(options, ca)
  }

  /** For people. */
  get origin(): string {
    return this.#base.origin
  }

  /**
   * Sends a request and resolves with the head of the answer, whose body is still to be read. Rejects with
   * `SHOAL_GATEWAY_UNREACHABLE`, `SHOAL_GATEWAY_TIMEOUT` or the signal's reason.
   */
  send(request: UpstreamRequest): Promise<IncomingMessage> {
    const { method, path, headers, body, signal } = request
    const host = this.#base.hostname.replace(/^\[|\]$/g, '')
    const asks = body !== undefined && request.onContinue === undefined && isLarge(request)
    const more = [...(request.isChunked === true ? CHUNKED : []), ...(asks ? EXPECT : [])]
    const silenceMs = request.silenceMs ?? this.#options.silenceMs
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      const open = this.#base.protocol === 'https:' ? requestHttps : requestHttp
      const outgoing = open({
        ...{ method, signal, agent: false, maxHeaderSize: MAX_HEADER_BYTES, setDefaultHeaders: false },
        host,
        port: this.#base.port === '' ? undefined : this.#base.port,
        path: this.#base.pathname.replace(/\/+$/, '') + path,
        headers: [...this.#withHost(headers), 'Connection', 'close', ...more],
        // The name on the certificate is Glance's, whatever the client calls it.
        servername: isIP(host) === 0 ? host : '',
        ...(this.#ca === undefined ? {} : { ca: this.#ca }),
      })
      const connecting = setTimeout(() => outgoing.destroy(timeOut('connecting')), CONNECT_MS)
      outgoing.once('socket', (socket) => {
        socket.once(this.#base.protocol === 'https:' ? 'secureConnect' : 'connect', () => clearTimeout(connecting))
      })
      outgoing.setTimeout(silenceMs, () => outgoing.destroy(timeOut('an answer')))
      outgoing.once('close', () => clearTimeout(connecting))
      outgoing.on('error', (error) => reject(signal.aborted ? signal.reason : this.#fault(error)))
      outgoing.once('response', resolve)
      if (request.onContinue !== undefined) outgoing.once('continue', request.onContinue)
      if (body === undefined) outgoing.end()
      else sendBody(outgoing, body, { asks: asks || request.onContinue !== undefined })
    })
  }

  #withHost(headers: RawHeaders): RawHeaders {
    const hasHost = values(headers, 'host').length > 0
    if (this.#options.sendHost === 'caller' && hasHost) return headers
    return ['Host', this.#base.host, ...endToEnd(headers, HOST)]
  }

  #fault(error: Error): Error {
    const details = { url: this.#base.origin, reason: errorMessage(error) || (errorCode(error) ?? 'no reason given') }
    const isTimeOut = errorCode(error) === 'ETIMEDOUT'
    return gatewayError(isTimeOut ? 'SHOAL_GATEWAY_TIMEOUT' : 'SHOAL_GATEWAY_UNREACHABLE', details, error)
  }
}

function isLarge({ headers, isChunked }: UpstreamRequest): boolean {
  return isChunked === true || Number(values(headers, 'content-length')[0] ?? 0) > LARGE_BYTES
}

function timeOut(what: string): Error {
  return Object.assign(new Error(`${what} took too long`), { code: 'ETIMEDOUT' })
}
