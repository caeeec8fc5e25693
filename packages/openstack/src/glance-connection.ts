import { type Clock, ShoalError } from '@shoal/core'
import { backoffMs } from './backoff.ts'
import type { EndpointInterface } from './cloud-auth.ts'
import { openstackError } from './errors.ts'
import { type HttpAnswer, type HttpClient, networkReason } from './http-client.ts'
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

  /**
   * Sends a GET and resolves with the head of an answer that is neither 401, 429 nor 5xx.
   * Throws `SHOAL_GLANCE_UNREACHABLE`, `SHOAL_GLANCE_UNAUTHORIZED` or what the session throws.
   */
  async get(
    path: string,
    options: { headers?: Record<string, string>; signal?: AbortSignal | undefined },
  ): Promise<HttpAnswer & { url: string }> {
    const { signal } = options
    let refused: string | undefined
    for (;;) {
      const token = await this.#session.token({ signal })
      const url = (await this.#baseUrl(signal)) + path
      const headers = { accept: '*/*', ...options.headers, ...(token === null ? {} : { 'x-auth-token': token }) }
      const answer = await this.#send(url, headers, signal)
      if (answer.status === 401) {
        answer.discard()
        // The second refusal is of a fresh token, or of one that cannot be renewed.
        if (token === null || refused !== undefined || token === refused) {
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

  /** Sends a GET for JSON, a few times when Glance does not answer. The body is bounded by `maxBytes`. */
  async getJson(path: string, { maxBytes, signal, retries = METADATA_RETRIES }: JsonRequest): Promise<JsonAnswer> {
    for (let failures = 0; ; failures += 1) {
      try {
        const answer = await this.get(path, { headers: { accept: 'application/json' }, signal })
        return { url: answer.url, status: answer.status, json: await this.#readJson(answer, maxBytes, signal) }
      } catch (error) {
        const isTransient = error instanceof ShoalError && error.code === 'SHOAL_GLANCE_UNREACHABLE'
        if (!isTransient || failures >= retries) throw error
        await this.#clock.sleep(backoffMs(failures, this.#random), { signal })
      }
    }
  }

  async #readJson(answer: HttpAnswer & { url: string }, maxBytes: number, signal: AbortSignal | undefined) {
    let text: string | undefined
    try {
      text = await answer.text(maxBytes)
    } catch (error) {
      signal?.throwIfAborted()
      throw unreachable(answer.url, networkReason(error), answer.status, error)
    }
    if (text === undefined) throw nonsense(answer.url, `a body of more than ${maxBytes} bytes`)
    try {
      return JSON.parse(text) as unknown
    } catch {
      return undefined
    }
  }

  async #send(url: string, headers: Record<string, string>, signal: AbortSignal | undefined): Promise<HttpAnswer> {
    try {
      return await this.#http.send(url, { method: 'GET', headers, signal })
    } catch (error) {
      signal?.throwIfAborted()
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
  maxBytes: number
  signal?: AbortSignal | undefined
  retries?: number
}

/** `SHOAL_GLANCE_PROTOCOL` for an answer from this address. */
export function nonsense(url: string, reason: string): ShoalError {
  return openstackError('SHOAL_GLANCE_PROTOCOL', { url: new URL(url).origin, reason })
}

/** `SHOAL_GLANCE_UNREACHABLE`; `status` 0 when there was no answer at all. */
export function unreachable(url: string, reason: string, status: number, cause?: unknown): ShoalError {
  return openstackError('SHOAL_GLANCE_UNREACHABLE', { url: new URL(url).origin, reason, status }, cause)
}
