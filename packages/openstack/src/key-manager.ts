import { ShoalError } from '@shoal/core'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import type { EndpointInterface, TlsFiles } from './cloud-auth.ts'
import { openstackError } from './errors.ts'
import { type HttpAnswer, HttpClient, type HttpTimeouts, networkReason } from './http-client.ts'
import type { Session } from './session.ts'

export interface KeyManagerOptions {
  readonly tls?: TlsFiles | undefined
  readonly interface?: EndpointInterface | undefined
  readonly region?: string | null | undefined
  readonly timeouts?: Partial<HttpTimeouts> | undefined
}

/** Barbican's v1 API as one token sees it, as far as certificates go. Read only. */
export interface KeyManager {
  /**
   * The bytes of a certificate as they were stored, PEM or DER, at most 64 KiB; `undefined` when there is no such secret. Rejects
   * with `SHOAL_BARBICAN_*`, with `SHOAL_KEYSTONE_CATALOGUE` where the cloud has none, and with the session's errors.
   */
  certificate(id: string, options?: { signal?: AbortSignal | undefined }): Promise<Buffer | undefined>
  /** Ends the connections; the session stays open. */
  close(): Promise<void>
}

/** A certificate and what a secret says of itself are a few KiB. */
const MAX_ANSWER_BYTES = 64 * 1024
const TIMEOUTS = { connectMs: 5000, headersMs: 20_000, bodyIdleMs: 20_000 } as const
const Secret = Compile(
  Type.Object({
    secret_type: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    content_types: Type.Optional(Type.Union([Type.Object({ default: Type.Optional(Type.String()) }), Type.Null()])),
  }),
)
const CONTENT_TYPE = /^[a-z]+\/[a-z0-9.+-]+(; ?charset=[a-z0-9-]+)?$/i

/** The key manager that the session's catalogue names. No I/O happens before the first call. */
export function createKeyManager(session: Session, options: KeyManagerOptions = {}): KeyManager {
  const http = new HttpClient({ tls: options.tls, timeouts: { ...TIMEOUTS, ...options.timeouts } })
  const ask = (id: string, path: string, accept: string, signal: AbortSignal | undefined) =>
    askBarbican({ session, http }, options, { id, path, accept, signal })
  return {
    async certificate(id, { signal } = {}) {
      const about = await ask(id, '', 'application/json', signal)
      if (about === undefined) return undefined
      const secret = parseJson(about.body)
      if (!Secret.Check(secret)) throw nonsense(about.url, 'a secret that does not follow the v1 API')
      // As Nova has it: whatever else may be stored in a secret, only what was stored as a certificate is one.
      if (secret.secret_type !== 'certificate') {
        throw openstackError('SHOAL_BARBICAN_TYPE', { secret: id, type: String(secret.secret_type).slice(0, 40) })
      }
      const type = secret.content_types?.default ?? 'application/octet-stream'
      if (!CONTENT_TYPE.test(type)) throw nonsense(about.url, 'a secret without a content type')
      return (await ask(id, '/payload', type, signal))?.body
    },
    close: () => http.close(),
  }
}

interface Question {
  readonly id: string
  readonly path: string
  readonly accept: string
  readonly signal: AbortSignal | undefined
}

/** One answer with its body; `undefined`: there is no such secret. The token is renewed once when it is refused. */
async function askBarbican(
  { session, http }: { session: Session; http: HttpClient },
  { interface: wanted, region }: KeyManagerOptions,
  { id, path, accept, signal }: Question,
): Promise<{ url: string; body: Buffer } | undefined> {
  const endpoint = await session.endpoint('key-manager', { interface: wanted, region: region ?? undefined, signal })
  const base = endpoint.replace(/\/+$/, '')
  const url = `${/\/v1$/.test(base) ? base : `${base}/v1`}/secrets/${encodeURIComponent(id)}${path}`
  let refused: string | undefined
  for (;;) {
    const token = await session.token({ signal })
    const headers = { accept, ...(token === null ? {} : { 'x-auth-token': token }) }
    let answer: HttpAnswer
    let body: Buffer | undefined
    try {
      answer = await http.send(url, { method: 'GET', headers, signal })
      body = await answer.bytes(MAX_ANSWER_BYTES)
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof ShoalError) throw error
      throw unreachable(url, networkReason(error), error)
    }
    const { status } = answer
    if (status === 401 && token !== null && refused === undefined) {
      refused = token
      session.invalidate(token)
      continue
    }
    if (status === 404) return undefined
    if (status === 401 || status === 403) throw openstackError('SHOAL_BARBICAN_FORBIDDEN', { secret: id, status })
    if (status === 429 || status >= 500) throw unreachable(url, `it answers ${status}`)
    if (status !== 200) throw nonsense(url, `status ${status} to a question about a secret`)
    if (body === undefined) throw nonsense(url, `more than ${MAX_ANSWER_BYTES} bytes`)
    return { url, body }
  }
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

function unreachable(url: string, reason: string, cause?: unknown): ShoalError {
  return openstackError('SHOAL_BARBICAN_UNREACHABLE', { url: new URL(url).origin, reason }, cause)
}

function nonsense(url: string, reason: string): ShoalError {
  return openstackError('SHOAL_BARBICAN_PROTOCOL', { url: new URL(url).origin, reason })
}
