import { createHash, timingSafeEqual } from 'node:crypto'
import { serviceError } from './errors.ts'

/** Who may call: anyone, a node (or an operator), an operator only. */
export type Role = 'public' | 'node' | 'operator'

/** Who may have a session: `viewer` may read what an operator may read, and change nothing. */
export type SessionRole = 'operator' | 'viewer'
/** Who called. */
export type CallerRole = Role | SessionRole

/** The token of each role; a role without one is open to nobody. `false` turns authentication off: everybody is an operator. */
export type AccessTokens = { readonly [R in 'operator' | 'node' | 'viewer']?: string | undefined } | false

/** Who called: the role, and the name that journals tell. */
export interface Caller {
  readonly role: CallerRole
  readonly actor: string
}

/** What a request shows of its caller. */
export interface Credentials {
  /** Its `Authorization` header. */
  readonly authorization: string | undefined
  readonly method: string
  /** The role of its session, if it has one. */
  readonly session?: SessionRole | undefined
  /** Whether the request names the header that only our own pages can send. */
  readonly isOwnPage?: boolean
}

const ANONYMOUS = 'anonymous'

/**
 * Makes the check of a request against the role an operation needs. It returns the caller; it throws
 * `SHOAL_HTTP_UNAUTHORIZED` without a valid token or session and `SHOAL_HTTP_FORBIDDEN` when the role is too low.
 */
export function createAuthorizer(tokens: AccessTokens): (credentials: Credentials, needed: Role) => Caller {
  if (tokens === false) return () => ({ role: 'operator', actor: ANONYMOUS })
  const roleOf = createTokenCheck(tokens)
  return ({ authorization, method, session, isOwnPage }, needed) => {
    if (needed === 'public') return { role: 'public', actor: ANONYMOUS }
    const isRead = method === 'GET'
    const bySession = isRead || isOwnPage === true ? session : undefined
    const role = authorization === undefined ? bySession : roleOf(authorization)
    if (role === undefined) throw serviceError('SHOAL_HTTP_UNAUTHORIZED')
    const isEnough = role === 'operator' || role === needed || (role === 'viewer' && needed === 'operator' && isRead)
    if (!isEnough) throw serviceError('SHOAL_HTTP_FORBIDDEN', { role: needed })
    return { role, actor: `token:${role}` }
  }
}

/** Makes the function that says whose token an `Authorization` header carries. */
export function createTokenCheck(
  tokens: Exclude<AccessTokens, false>,
): (authorization: string) => 'operator' | 'node' | 'viewer' | undefined {
  const known = (['viewer', 'node', 'operator'] as const).flatMap((role) => {
    const token = tokens[role]
    return token === undefined || token === '' ? [] : [{ role, hash: sha256(token) }]
  })
  return (authorization) => {
    const given = /^Bearer +([^\s]{1,1000}) *$/i.exec(authorization)?.[1]
    if (given === undefined) return undefined
    const hash = sha256(given)
    let role: 'operator' | 'node' | 'viewer' | undefined
    // Hashes have one length, and every one of them is compared: the time taken tells nothing about a token.
    for (const candidate of known) if (timingSafeEqual(candidate.hash, hash)) role = candidate.role
    return role
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
