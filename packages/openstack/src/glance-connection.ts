import { Readable } from 'node:stream'
import { type Clock, ShoalError } from '@shoal/core'
import { backoffMs } from './backoff.ts'
import type { EndpointInterface } from './cloud-auth.ts'
import { openstackError } from './errors.ts'
import { type HttpAnswer, type HttpClient, type HttpRequest, networkReason } from './http-client.ts'
import type { Session } from './session.ts'

export interface GlanceConnectionOptions {
  /** Glance's address when it is not to be looked up in the catalogue. */
  endpoint?: string | null | undefined
  interface?: EndpointInterface | undefined
  region?: string | null | undefined
}

/** One answer with a JSON body. */
export interface JsonAnswer {
  readonly url: string
  readonly status: number
  /** `undefined` when the body is not JSON. */
  readonly json: unknown
  readonly text: string
}

/** Metadata calls are tried this often again when Glance does not answer. */
const METADATA_RETRIES = 2

/** Authenticated requests to one Glance: the token is renewed once when it is refused. */
export class GlanceConnection {
  readonly #session: Session
  readonly #http: HttpClient
  readonly #clock: Clock
  readonly #random: () => number
  readonly #options: GlanceConnectionOptions

  constructor(
    deps: { session: Session; http: HttpClient; clock: Clock; random: () => number },
    options: GlanceConnectionOptions,
  ) {
    this.#session = deps.session
    this.#http = deps.http
    this.#clock = deps.clock
    this.#random = deps.random
    this.#options = options
  }

  /** {@link send} for a GET. */
  get(path: string, options: Omit<HttpRequest, 'method' | 'body'>): Promise<HttpAnswer & { url: string }> {
    return this.send(path, { ...options, method: 'GET' })
  }

  /**
   * Sends a request and resolves with the head of an answer that is neither 401, 429 nor 5xx. A stream is never sent again, so a token
   * that is refused then counts at once. Throws `SHOAL_GLANCE_UNREACHABLE`, `SHOAL_GLANCE_UNAUTHORIZED` or what the session throws.
   */
  async send(path: string, request: HttpRequest): Promise<HttpAnswer & { url: string }> {
    const { signal } = request
    const isSentOnce = request.body instanceof Readable
    let refused: string | undefined
    for (;;) {
      const token = await this.#session.token({ signal })
      const url = (await this.#baseUrl(signal)) + path
      const headers = { accept: '*/*', ...request.headers, ...(token === null ? {} : { 'x-auth-token': token }) }
      const answer = await this.#send(url, { ...request, headers })
      if (answer.status === 401) {
        answer.discard()
        // The second refusal is of a fresh token, or of one that cannot be renewed.
        if (token === null || refused !== undefined || token === refused || isSentOnce) {
          throw openstackError('SHOAL_GLANCE_UNAUTHORIZED', { url: new URL(url).origin })
        }
        refused = token
        this.#session.invalidate(token)
        continue
      }
      if (answer.status === 429 || answer.status >= 500) {
        answer.discard()
        throw unreachable(url, `it answers ${answer.status}`, answer.status)
      }
      return Object.assign(answer, { url })
    }
  }

  /** Sends a GET for JSON, a few times when Glance does not answer. */
  getJson(path: string, request: Omit<JsonRequest, 'method' | 'json'>): Promise<JsonAnswer> {
    return this.sendJson(path, { retries: METADATA_RETRIES, ...request, method: 'GET' })
  }

  /** Sends a request, with a body of JSON if given, and reads the answer; again up to `retries` times when none comes. */
  async sendJson(path: string, { method, json, maxBytes, signal, retries = 0 }: JsonRequest): Promise<JsonAnswer> {
    const body = json === undefined ? {} : { body: JSON.stringify(json) }
    const type = json === undefined ? {} : { 'content-type': 'application/json' }
    for (let failures = 0; ; failures += 1) {
      try {
        const answer = await this.send(path, {
          method,
          headers: { accept: 'application/json', ...type },
          ...body,
          signal,
        })
        const text = await this.#readText(answer, maxBytes, signal)
        return { url: answer.url, status: answer.status, text, json: parseJson(text) }
      } catch (error) {
        const isTransient = error instanceof ShoalError && error.code === 'SHOAL_GLANCE_UNREACHABLE'
        if (!isTransient || failures >= retries) throw error
        await this.#clock.sleep(backoffMs(failures, this.#random), { signal })
      }
    }
  }

  async #readText(answer: HttpAnswer & { url: string }, maxBytes: number, signal: AbortSignal | undefined) {
    let text: string | undefined
    try {
      text = await answer.text(maxBytes)
    } catch (error) {
      signal?.throwIfAborted()
      throw unreachable(answer.url, networkReason(error), answer.status, error)
    }
    if (text === undefined) throw nonsense(answer.url, `a body of more than ${maxBytes} bytes`)
    return text
  }

  async #send(url: string, request: HttpRequest): Promise<HttpAnswer> {
    try {
      return await this.#http.send(url, request)
    } catch (error) {
      request.signal?.throwIfAborted()
      if (error instanceof ShoalError) throw error
      throw unreachable(url, networkReason(error), 0, error)
    }
  }

  /** The catalogue has the address with and without the version. */
  async #baseUrl(signal: AbortSignal | undefined): Promise<string> {
    const { endpoint, interface: wanted, region } = this.#options
    const found =
      endpoint ?? (await this.#session.endpoint('image', { interface: wanted, region: region ?? undefined, signal }))
    const base = found.replace(/\/+$/, '')
    return /\/v2(\.\d+)?$/.test(base) ? base : `${base}/v2`
  }
}

export interface JsonRequest {
  method: HttpRequest['method']
  /** What to send. */
  json?: unknown
  /** Of the answer's body. */
  maxBytes: number
  signal?: AbortSignal | undefined
  retries?: number
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** `SHOAL_GLANCE_PROTOCOL` for an answer from this address. */
export function nonsense(url: string, reason: string): ShoalError {
  return openstackError('SHOAL_GLANCE_PROTOCOL', { url: new URL(url).origin, reason })
}

/** `SHOAL_GLANCE_UNREACHABLE`; `status` 0 when there was no answer at all. */
export function unreachable(url: string, reason: string, status: number, cause?: unknown): ShoalError {
  return openstackError('SHOAL_GLANCE_UNREACHABLE', { url: new URL(url).origin, reason, status }, cause)
}
