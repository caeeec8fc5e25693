import { createHash, randomBytes } from 'node:crypto'
import { readSessionCookie, SESSION_LIFETIME_MS } from './http-session.ts'

/** A session of a user of the cloud. */
export interface CloudSession {
  /** Whose it is, as journals tell it. */
  readonly actor: string
  /** The token that Keystone gave, by which the user is known with each request. */
  readonly token: string
  /** Unix time in milliseconds. */
  readonly expiresAt: number
}

const MAX_SESSIONS = 1000
/** Somebody who signs in again and again ends sessions of his own, not those of others. */
const MAX_OF_ONE = 20
const VALUE = /^cloud\.[\w-]{43}$/

/**
 * Sessions of browsers whose users Keystone vouches for. Their tokens are kept in memory alone, by a hash of the cookie, and are asked about
 * with each request like any other: so a token that is revoked ends its session. A restart of the service ends all of them.
 */
export class CloudSessions {
  readonly #now: () => number
  readonly #sessions = new Map<string, CloudSession>()

  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  /** Opens a session that ends with the token at the latest; gives the value of its cookie. */
  open({ token, actor, expiresAt }: CloudSession): {
    readonly value: string
    readonly expiresAt: number
  } {
    this.#forgetEnded()
    const own = [...this.#sessions].filter(([, session]) => session.actor === actor)
    const surplus = own.length >= MAX_OF_ONE ? own : this.#sessions.size >= MAX_SESSIONS ? [...this.#sessions] : []
    const [oldest] = surplus
    if (oldest !== undefined) this.#sessions.delete(oldest[0])
    const value = `cloud.${randomBytes(32).toString('base64url')}`
    const session = { token, actor, expiresAt: Math.min(expiresAt, this.#now() + SESSION_LIFETIME_MS) }
    this.#sessions.set(keyOf(value), session)
    return { value, expiresAt: session.expiresAt }
  }

  /** The session that a request's `Cookie` header names, if it is one of ours and holds. */
  find(cookie: string | undefined): CloudSession | undefined {
    const value = readSessionCookie(cookie)
    const session = VALUE.test(value) ? this.#sessions.get(keyOf(value)) : undefined
    return session !== undefined && session.expiresAt > this.#now() ? session : undefined
  }

  /** Ends the session that a request's `Cookie` header names. */
  end(cookie: string | undefined): void {
    this.#sessions.delete(keyOf(readSessionCookie(cookie)))
  }

  #forgetEnded(): void {
    for (const [key, { expiresAt }] of this.#sessions) if (expiresAt <= this.#now()) this.#sessions.delete(key)
  }
}

/** Whoever reads memory's keys has no cookie. */
function keyOf(value: string): string {
  return createHash('sha256').update(value).digest('base64')
}
