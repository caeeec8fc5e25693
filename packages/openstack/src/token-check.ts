import { ShoalError } from '@shoal/core'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import type { TlsFiles } from './cloud-auth.ts'
import { openstackError } from './errors.ts'
import { HttpClient, type HttpTimeouts, networkReason } from './http-client.ts'
import { versionedUrl } from './versioned-url.ts'

/** Whose a token is and what it opens, as Keystone says. */
export interface CloudIdentity {
  readonly user: { readonly id: string; readonly name: string; readonly domain: string }
  /** What it is for; `undefined` when it is for a domain, for the system, or for nothing. */
  readonly project: { readonly id: string; readonly name: string; readonly domain: string } | undefined
  readonly isSystem: boolean
  /** Names of the roles in that scope. */
  readonly roles: readonly string[]
  /** Unix time in milliseconds, by Keystone's clock. */
  readonly expiresAt: number
}

export interface TokenCheckOptions {
  /** Of Keystone, with or without the version. */
  readonly authUrl: string
  readonly tls?: TlsFiles
  readonly timeouts?: Partial<HttpTimeouts>
}

const MAX_ANSWER_BYTES = 1024 * 1024
/** Fernet tokens have some 250 characters, JWS tokens some 800; whatever else, it has to fit into a header. */
const TOKEN = /^[\x21-\x7e]{1,4096}$/
const Named = Type.Object({ id: Type.String(), name: Type.String(), domain: Type.Object({ name: Type.String() }) })
const TokenAnswer = Compile(
  Type.Object({
    token: Type.Object({
      expires_at: Type.String(),
      user: Named,
      project: Type.Optional(Named),
      system: Type.Optional(Type.Object({ all: Type.Optional(Type.Boolean()) })),
      roles: Type.Optional(Type.Array(Type.Object({ name: Type.String() }))),
    }),
  }),
)

/** Asks Keystone about tokens of others. A token vouches for itself: no credentials of our own are needed. */
export class TokenCheck {
  readonly #url: string
  readonly #http: HttpClient

  constructor({ authUrl, tls, timeouts }: TokenCheckOptions) {
    this.#url = versionedUrl(authUrl)
    this.#http = new HttpClient({ tls, timeouts })
  }

  /**
   * Whose a token is; `undefined` when Keystone does not take it: unknown, expired, revoked. Rejects with
   * `SHOAL_KEYSTONE_UNREACHABLE`, `SHOAL_KEYSTONE_PROTOCOL`, `SHOAL_CLOUD_CERTIFICATE`, `SHOAL_CLOUD_CONFIG`.
   */
  async identify(token: string, { signal }: { signal?: AbortSignal } = {}): Promise<CloudIdentity | undefined> {
    if (!TOKEN.test(token)) return undefined
    let status: number
    let text: string | undefined
    try {
      const headers = { accept: 'application/json', 'x-auth-token': token, 'x-subject-token': token }
      const answer = await this.#http.send(`${this.#url}/auth/tokens?nocatalog`, { method: 'GET', headers, signal })
      status = answer.status
      text = await answer.text(MAX_ANSWER_BYTES)
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof ShoalError) throw error
      throw openstackError('SHOAL_KEYSTONE_UNREACHABLE', { url: this.#url, reason: networkReason(error) }, error)
    }
    if (status === 401 || status === 403 || status === 404) return undefined
    if (status === 429 || status >= 500) {
      throw openstackError('SHOAL_KEYSTONE_UNREACHABLE', { url: this.#url, reason: `it answers ${status}`, status })
    }
    const body = text === undefined ? undefined : parseJson(text)
    const isExpected = status === 200 && TokenAnswer.Check(body)
    if (!isExpected) {
      const reason = `status ${status} to a question about a token, or an answer that does not follow the v3 API`
      throw openstackError('SHOAL_KEYSTONE_PROTOCOL', { url: this.#url, reason })
    }
    const { user, project, system, roles = [], expires_at } = body.token
    const expiresAt = Date.parse(expires_at)
    return {
      user: flat(user),
      project: project && flat(project),
      isSystem: system !== undefined,
      roles: roles.map(({ name }) => name),
      expiresAt: Number.isNaN(expiresAt) ? 0 : expiresAt,
    }
  }

  async close(): Promise<void> {
    await this.#http.close()
  }
}

function flat({ id, name, domain }: { id: string; name: string; domain: { name: string } }) {
  return { id, name, domain: domain.name }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
