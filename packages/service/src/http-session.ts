import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { type Credential, type Credentials, isPerson, type PersonRole } from './credentials.ts'

export const SESSION_COOKIE = 'shoal-session'
/** A request that changes something names this header: no page of another site can send it. */
export const SESSION_HEADER = 'x-shoal-session'
export const SESSION_LIFETIME_MS = 12 * 3_600_000
const MAX_ENDED = 10_000
const VALUE = /^([a-z0-9][a-z0-9-]{0,62})\.(\d{13,15})\.([\w-]{16})\.([\w-]{43})$/

export interface OpenSession {
  readonly role: PersonRole
  /** Whose session it is, as journals tell it. */
  readonly actor: string
  /** Unix time in milliseconds. */
  readonly expiresAt: number
}

/**
 * Sessions of browsers, without a table: the cookie says by which token and until when, and carries an HMAC whose key is made of a
 * secret of the service and of the token's hash. So they survive a restart of the service, and end when the token is replaced or
 * revoked. Those that were ended before their time are remembered while the service runs.
 */
export class HttpSessions {
  readonly #deps: { readonly credentials: Credentials; readonly secret: string }
  readonly #now: () => number
  readonly #ended = new Set<string>()

  constructor(deps: { credentials: Credentials; secret: string }, now: () => number = Date.now) {
    this.#deps = deps
    this.#now = now
  }

  /** The value of a new session's cookie. */
  open({ name, role, hash }: Credential & { role: PersonRole }): OpenSession & { readonly value: string } {
    const expiresAt = this.#now() + SESSION_LIFETIME_MS
    const said = `${name}.${expiresAt}.${randomBytes(12).toString('base64url')}`
    return { role, actor: `token:${name}`, expiresAt, value: `${said}.${this.#sign(hash, said)}` }
  }

  /** The session that a request's `Cookie` header names, if it is one of ours and holds. */
  find(cookie: string | undefined): OpenSession | undefined {
    const value = readSessionCookie(cookie)
    const [, name = '', expiry = '', , signature = ''] = VALUE.exec(value) ?? []
    const credential = this.#deps.credentials.byName(name)
    if (credential === undefined || !isPerson(credential.role) || this.#ended.has(value)) return undefined
    // As texts: two of them may stand for the same bytes, and one of those may have been ended.
    const wanted = Buffer.from(this.#sign(credential.hash, value.slice(0, value.lastIndexOf('.'))))
    const given = Buffer.from(signature)
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return undefined
    const expiresAt = Number(expiry)
    return expiresAt > this.#now() ? { role: credential.role, actor: `token:${name}`, expiresAt } : undefined
  }

  /** Ends the session that a request's `Cookie` header names. */
  end(cookie: string | undefined): void {
    if (this.find(cookie) === undefined) return
    this.#ended.add(readSessionCookie(cookie))
    const [oldest] = this.#ended
    if (this.#ended.size > MAX_ENDED && oldest !== undefined) this.#ended.delete(oldest)
  }

  /** The hash alone is no key: who reads it where it is kept must not be able to sign in with it. */
  #sign(hash: Buffer, said: string): string {
    const key = createHmac('sha256', this.#deps.secret).update('shoal session cookie').update(hash).digest()
    return createHmac('sha256', key).update(said).digest('base64url')
  }
}

/** `Set-Cookie` for a value; an empty one takes the cookie back. Lax would let links from elsewhere arrive signed in. */
export function sessionCookie(
  value: string,
  { isSecure, lifetimeMs = SESSION_LIFETIME_MS }: { isSecure: boolean; lifetimeMs?: number },
): string {
  const age = value === '' ? 0 : Math.floor(lifetimeMs / 1000)
  return `${SESSION_COOKIE}=${value}; Path=/; Max-Age=${age}; HttpOnly; SameSite=Strict${isSecure ? '; Secure' : ''}`
}

/** The value of the session's cookie in a `Cookie` header; empty when it has none. */
export function readSessionCookie(header: string | undefined): string {
  for (const part of (header ?? '').slice(0, 8192).split(';')) {
    const [name, value = ''] = part.trim().split('=', 2)
    if (name === SESSION_COOKIE) return value
  }
  return ''
}
