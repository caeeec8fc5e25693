import { type Clock, type Logger, ShoalError } from '@shoal/core'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { backoffMs } from './backoff.ts'
import { type Catalogue, CatalogueSchema, findEndpoint } from './catalogue.ts'
import type { AuthMethod, AuthScope, CloudAuth } from './cloud-auth.ts'
import { openstackError } from './errors.ts'
import { HttpClient, type HttpTimeouts, networkReason } from './http-client.ts'
import { createNoAuthSession } from './no-auth-session.ts'
import type { EndpointQuery, Session } from './session.ts'
import { versionedUrl } from './versioned-url.ts'

export interface KeystoneSessionDeps {
  clock: Clock
  logger: Logger
  random?: () => number
}

export interface KeystoneSessionOptions {
  timeouts?: Partial<HttpTimeouts>
  /** How often a log-in that got no answer is tried again. Refused credentials are never tried twice. Default 2. */
  retries?: number
}

type KeystoneMethod = Exclude<AuthMethod, { type: 'none' }>

interface Login {
  readonly token: string
  readonly catalogue: Catalogue
  /** When to get another, in our clock's milliseconds. */
  readonly renewAt: number
}

/** A token is renewed this long before it expires, for a request may take a while to arrive. */
const RENEW_BEFORE_MS = 60_000
const MAX_ANSWER_BYTES = 4 * 1024 * 1024
const TokenAnswer = Compile(
  Type.Object({
    token: Type.Object({
      expires_at: Type.String(),
      issued_at: Type.Optional(Type.String()),
      catalog: Type.Optional(CatalogueSchema),
    }),
  }),
)

/** A session with what {@link readCloudAuth} read. No I/O happens before the first call. */
export function createKeystoneSession(
  deps: KeystoneSessionDeps,
  auth: CloudAuth,
  options: KeystoneSessionOptions = {},
): Session {
  const { method } = auth
  if (method.type === 'none') return createNoAuthSession(method.endpoint, method.token?.reveal() ?? null)
  return new KeystoneSession(deps, auth, method, options)
}

class KeystoneSession implements Session {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #random: () => number
  readonly #auth: CloudAuth
  readonly #method: KeystoneMethod
  readonly #url: string
  readonly #retries: number
  readonly #http: HttpClient
  readonly #closing = new AbortController()
  #login: Login | undefined
  #pending: Promise<Login> | undefined

  constructor(deps: KeystoneSessionDeps, auth: CloudAuth, method: KeystoneMethod, options: KeystoneSessionOptions) {
    this.#clock = deps.clock
    this.#logger = deps.logger
    this.#random = deps.random ?? Math.random
    this.#auth = auth
    this.#method = method
    this.#url = versionedUrl(method.authUrl)
    this.#retries = options.retries ?? 2
    this.#http = new HttpClient({ tls: auth.tls, timeouts: options.timeouts })
  }

  async token({ signal }: { signal?: AbortSignal | undefined } = {}): Promise<string> {
    return (await this.#current(signal)).token
  }

  invalidate(token: string): void {
    if (this.#login?.token === token) this.#login = undefined
  }

  async endpoint(serviceType: string, query: EndpointQuery = {}): Promise<string> {
    const { catalogue } = await this.#current(query.signal)
    return findEndpoint(catalogue, {
      service: serviceType,
      interface: query.interface ?? this.#auth.interface,
      region: query.region ?? this.#auth.region,
    })
  }

  async close(): Promise<void> {
    this.#closing.abort(new TypeError('the Keystone session is closed'))
    this.#login = undefined
    await this.#http.close()
  }

  #current(signal: AbortSignal | undefined): Promise<Login> {
    signal?.throwIfAborted()
    if (this.#login !== undefined && this.#clock.elapsed() < this.#login.renewAt) return Promise.resolve(this.#login)
    // Callers share one log-in, so none of their signals may end it; each stops waiting by its own.
    this.#pending ??= this.#logIn().finally(() => {
      this.#pending = undefined
    })
    return abandonable(this.#pending, signal)
  }

  async #logIn(): Promise<Login> {
    const signal = this.#closing.signal
    for (let failures = 0; ; failures += 1) {
      try {
        this.#login = await this.#requestToken(signal)
        return this.#login
      } catch (error) {
        const isTransient = error instanceof ShoalError && error.code === 'SHOAL_KEYSTONE_UNREACHABLE'
        if (!isTransient || failures >= this.#retries) throw error
        this.#logger.warn({ code: error.code, url: this.#url, failures }, 'keystone log-in failed, trying again')
        await this.#clock.sleep(backoffMs(failures, this.#random), { signal })
      }
    }
  }

  async #requestToken(signal: AbortSignal): Promise<Login> {
    const url = `${this.#url}/auth/tokens`
    const requestedAt = this.#clock.elapsed()
    let status: number
    let token: string | undefined
    let text: string | undefined
    try {
      const answer = await this.#http.send(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body: JSON.stringify({ auth: requestBody(this.#method) }),
        signal,
      })
      status = answer.status
      token = answer.header('x-subject-token')
      text = await answer.text(MAX_ANSWER_BYTES)
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof ShoalError) throw error
      throw openstackError('SHOAL_KEYSTONE_UNREACHABLE', { url: this.#url, reason: networkReason(error) }, error)
    }
    if (status === 401 || status === 403) {
      throw openstackError('SHOAL_KEYSTONE_CREDENTIALS', { url: this.#url, user: userName(this.#method), status })
    }
    if (status === 429 || status >= 500) {
      throw openstackError('SHOAL_KEYSTONE_UNREACHABLE', { url: this.#url, reason: `it answers ${status}`, status })
    }
    if (status !== 201 && status !== 200) throw this.#nonsense(`status ${status} to a log-in`)
    if (token === undefined || token === '') throw this.#nonsense('a log-in without a token')
    if (text === undefined) throw this.#nonsense('a log-in with an endless body')
    return this.#parseLogin(token, text, requestedAt)
  }

  #parseLogin(token: string, text: string, requestedAt: number): Login {
    const body = parseJson(text)
    if (!TokenAnswer.Check(body)) throw this.#nonsense('a log-in that does not follow the v3 API')
    const expiresAt = Date.parse(body.token.expires_at)
    const issuedAt = Date.parse(body.token.issued_at ?? '')
    if (Number.isNaN(expiresAt)) throw this.#nonsense('a token without an end')
    // The lifetime counts, not the end itself: our clock may differ from Keystone's.
    const lifetimeMs = expiresAt - (Number.isNaN(issuedAt) ? requestedAt : issuedAt)
    const renewAt = requestedAt + lifetimeMs - Math.min(RENEW_BEFORE_MS, lifetimeMs / 10)
    this.#logger.debug({ url: this.#url, lifetimeMs }, 'keystone log-in')
    return { token, catalogue: body.token.catalog ?? [], renewAt }
  }

  #nonsense(reason: string) {
    return openstackError('SHOAL_KEYSTONE_PROTOCOL', { url: this.#url, reason })
  }
}

/** The `auth` object of POST /v3/auth/tokens. */
function requestBody(method: KeystoneMethod): unknown {
  switch (method.type) {
    case 'password': {
      const user = { ...method.user, password: method.password.reveal() }
      return { identity: { methods: ['password'], password: { user } }, ...requestScope(method.scope) }
    }
    case 'application-credential': {
      const credential = { ...method.credential, secret: method.secret.reveal() }
      // The credential itself says for which project it is; a scope beside it is refused.
      return { identity: { methods: ['application_credential'], application_credential: credential } }
    }
    case 'token':
      return {
        identity: { methods: ['token'], token: { id: method.token.reveal() } },
        ...requestScope(method.scope),
      }
  }
}

function requestScope(scope: AuthScope): { scope?: unknown } {
  if (scope === null) return {}
  if ('system' in scope) return { scope: { system: { all: true } } }
  if ('trust' in scope) return { scope: { 'OS-TRUST:trust': { id: scope.trust } } }
  return { scope }
}

function userName(method: KeystoneMethod): string {
  if (method.type === 'token') return 'the given token'
  const ref = method.type === 'password' ? method.user : method.credential
  const name = 'id' in ref ? ref.id : ref.name
  return method.type === 'password' ? `user ${name}` : `application credential ${name}`
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The promise's outcome, or the signal's reason if that comes first. */
function abandonable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
