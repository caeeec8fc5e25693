import { readFile } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { errorCode, errorMessage } from '@shoal/core'
import { Agent, type Dispatcher, request } from 'undici'
import type { TlsFiles } from './cloud-auth.ts'
import { openstackError } from './errors.ts'

/** How long to wait for what. Milliseconds. */
export interface HttpTimeouts {
  connectMs: number
  /** From the request's end to the answer's headers. */
  headersMs: number
  /** Between two pieces of a body, while we are ready for more. */
  bodyIdleMs: number
}

export const HTTP_TIMEOUTS: HttpTimeouts = { connectMs: 10_000, headersMs: 60_000, bodyIdleMs: 60_000 }

export const SYSTEM_TLS: TlsFiles = { caFile: null, certFile: null, keyFile: null, verify: true }

export interface HttpRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  headers?: Record<string, string>
  /** A stream is sent once, as it comes; `content-length` says how much of it there is. */
  body?: string | Readable
  /** In place of the client's own: for answers that take their time. Also how long a server may take nothing of a body. */
  headersMs?: number | undefined
  signal?: AbortSignal | undefined
}

export interface HttpAnswer {
  readonly status: number
  header(name: string): string | undefined
  /** Leaving the loop early ends the connection. */
  readonly body: AsyncIterable<Buffer>
  /** The whole body, or `undefined` when it is longer than `maxBytes`. */
  bytes(maxBytes: number): Promise<Buffer | undefined>
  /** The same as text. */
  text(maxBytes: number): Promise<string | undefined>
  /** Drops the body: for answers that only have a status. */
  discard(): void
}

/** One pool of connections with our time-outs and the cloud's certificates. Does not follow redirects. */
export class HttpClient {
  readonly #tls: TlsFiles
  readonly #timeouts: HttpTimeouts
  #agent: Promise<Agent> | undefined
  #closed = false

  constructor(options: { tls?: TlsFiles | undefined; timeouts?: Partial<HttpTimeouts> | undefined }) {
    this.#tls = options.tls ?? SYSTEM_TLS
    this.#timeouts = { ...HTTP_TIMEOUTS, ...options.timeouts }
  }

  /**
   * Sends a request and resolves with the answer's head. Rejects with `SHOAL_CLOUD_CONFIG` when a certificate file
   * cannot be read, with `SHOAL_CLOUD_CERTIFICATE`, with the signal's reason, or with the network's error.
   */
  async send(url: string, { method, headers, body, headersMs, signal }: HttpRequest): Promise<HttpAnswer> {
    signal?.throwIfAborted()
    if (this.#closed) throw new TypeError('the HTTP client is closed')
    const agent = this.#agent ?? createAgent(this.#tls, this.#timeouts)
    this.#agent = agent
    const dispatcher = await agent.catch((error: unknown) => {
      // The next request reads the certificate files again: they may have been put right.
      if (this.#agent === agent) this.#agent = undefined
      throw error
    })
    try {
      const answer = await request(url, {
        dispatcher,
        method,
        headers: headers ?? {},
        body: body ?? null,
        headersTimeout: headersMs ?? this.#timeouts.headersMs,
        signal: signal ?? null,
      })
      return new Answer(answer)
    } catch (error) {
      signal?.throwIfAborted()
      if (!isCertificateFault(error)) throw error
      const origin = new URL(url).origin
      throw openstackError('SHOAL_CLOUD_CERTIFICATE', { url: origin, reason: errorMessage(error) }, error)
    }
  }

  /** Ends all connections. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true
    const agent = await this.#agent?.catch(() => undefined)
    await agent?.destroy()
  }
}

/** What went wrong with a connection, in words for a message. */
export function networkReason(error: unknown): string {
  switch (errorCode(error)) {
    case 'ECONNREFUSED':
      return 'nobody listens there'
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'its name does not resolve'
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'there is no route to it'
    case 'UND_ERR_CONNECT_TIMEOUT':
    case 'ETIMEDOUT':
      return 'connecting timed out'
    case 'UND_ERR_HEADERS_TIMEOUT':
      return 'it took too long to answer'
    case 'UND_ERR_BODY_TIMEOUT':
      return 'it stopped sending'
    case 'ECONNRESET':
    case 'EPIPE':
    case 'UND_ERR_SOCKET':
      return 'the connection was cut'
    default:
      return errorMessage(error) || errorCode(error) || 'unknown network error'
  }
}

class Answer implements HttpAnswer {
  readonly #data: Dispatcher.ResponseData
  readonly status: number

  constructor(data: Dispatcher.ResponseData) {
    this.#data = data
    this.status = data.statusCode
  }

  header(name: string): string | undefined {
    const value = this.#data.headers[name]
    return Array.isArray(value) ? value[0] : value
  }

  get body(): AsyncIterable<Buffer> {
    return this.#data.body
  }

  async text(maxBytes: number): Promise<string | undefined> {
    return (await this.bytes(maxBytes))?.toString('utf8')
  }

  async bytes(maxBytes: number): Promise<Buffer | undefined> {
    const chunks: Buffer[] = []
    let size = 0
    for await (const chunk of this.body) {
      size += chunk.length
      // Leaving the loop destroys the body and with it the connection.
      if (size > maxBytes) return undefined
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  }

  discard(): void {
    // Short bodies are read so that the connection can be used again; `dump` gives up on longer ones.
    this.#data.body.dump({ limit: 64 * 1024 }).catch(() => {})
  }
}

async function createAgent(tls: TlsFiles, timeouts: HttpTimeouts): Promise<Agent> {
  const [ca, cert, key] = await Promise.all([tls.caFile, tls.certFile, tls.keyFile].map(readPem))
  return new Agent({
    connections: 8,
    pipelining: 1,
    headersTimeout: timeouts.headersMs,
    bodyTimeout: timeouts.bodyIdleMs,
    maxHeaderSize: 64 * 1024,
    connect: {
      timeout: timeouts.connectMs,
      rejectUnauthorized: tls.verify,
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    },
  })
}

async function readPem(path: string | null): Promise<string | undefined> {
  if (path === null) return undefined
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw openstackError('SHOAL_CLOUD_CONFIG', { source: path, reason: 'the certificate file cannot be read' }, error)
  }
}

function isCertificateFault(error: unknown): boolean {
  return /^ERR_TLS_CERT|CERT|^UNABLE_TO_(GET_ISSUER|VERIFY_LEAF)|^HOSTNAME_MISMATCH$/.test(errorCode(error) ?? '')
}
