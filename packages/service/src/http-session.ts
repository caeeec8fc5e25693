import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { SessionRole } from './http-auth.ts'

export const SESSION_COOKIE = 'shoal-session'
/** A request that changes something names this header: no page of another site can send it. */
export const SESSION_HEADER = 'x-shoal-session'
const LIFETIME_MS = 12 * 3_600_000
const MAX_ENDED = 10_000
const VALUE = /^(operator|viewer)\.(\d{13,15})\.([\w-]{16})\.([\w-]{43})$/

export interface OpenSession {
  readonly role: SessionRole
  /** Unix time in milliseconds. */
  readonly expiresAt: number
}

/**
 * Sessions of browsers, without a table: the cookie says who and until when, and carries an HMAC by the token of its role. So they
 * survive a restart of the service, and end when the token is changed. Those that were ended before their time are remembered while
 * the service runs.
 */
export class HttpSessions {
  readonly #keys: ReadonlyMap<SessionRole, Buffer>
  readonly #now: () => number
  readonly #ended = new Set<string>()

  constructor(tokens: Readonly<Partial<Record<SessionRole, string | undefined>>>, now: () => number = Date.now) {
    const roles = ['operator', 'viewer'] as const
    this.#keys = new Map(
      roles.flatMap((role) => {
        const token = tokens[role]
        return token === undefined || token === '' ? [] : [[role, keyOf(token)] as const]
      }),
    )
    this.#now = now
  }

  /** The value of a new session's cookie. */
  open(role: SessionRole): OpenSession & { readonly value: string } {
    const expiresAt = this.#now() + LIFETIME_MS
    const said = `${role}.${expiresAt}.${randomBytes(12).toString('base64url')}`
    return { role, expiresAt, value: `${said}.${this.#sign(role, said)}` }
  }

  /** The session that a request's `Cookie` header names, if it is one of ours and holds. */
  find(cookie: string | undefined): OpenSession | undefined {
    const value = readCookie(cookie)
    const [, role, expiry = '', , signature = ''] = VALUE.exec(value) ?? []
    if (role !== 'operator' && role !== 'viewer') return undefined
    if (!this.#keys.has(role) || this.#ended.has(value)) return undefined
    // As texts: two of them may stand for the same bytes, and one of those may have been ended.
    const wanted = Buffer.from(this.#sign(role, value.slice(0, value.lastIndexOf('.'))))
    const given = Buffer.from(signature)
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return undefined
    const expiresAt = Number(expiry)
    return expiresAt > this.#now() ? { role, expiresAt } : undefined
  }

  /** Ends the session that a request's `Cookie` header names. */
  end(cookie: string | undefined): void {
    if (this.find(cookie) === undefined) return
    this.#ended.add(readCookie(cookie))
    const [oldest] = this.#ended
    if (this.#ended.size > MAX_ENDED && oldest !== undefined) this.#ended.delete(oldest)
  }

  #sign(role: SessionRole, said: string): string {
    return createHmac('sha256', this.#keys.get(role) ?? randomBytes(32))
      .update(said)
      .digest('base64url')
  }
}

/** `Set-Cookie` for a value; an empty one takes the cookie back. Lax would let links from elsewhere arrive signed in. */
export function sessionCookie(value: string, { isSecure }: { isSecure: boolean }): string {
  const age = value === '' ? 0 : LIFETIME_MS / 1000
  return `${SESSION_COOKIE}=${value}; Path=/; Max-Age=${age}; HttpOnly; SameSite=Strict${isSecure ? '; Secure' : ''}`
}

function readCookie(header: string | undefined): string {
  for (const part of (header ?? '').slice(0, 8192).split(';')) {
    const [name, value = ''] = part.trim().split('=', 2)
    if (name === SESSION_COOKIE) return value
  }
  return ''
}

/** The token itself stays what signs in; what signs cookies is derived from it. */
function keyOf(token: string): Buffer {
  return createHmac('sha256', token).update('shoal session cookie').digest()
}
