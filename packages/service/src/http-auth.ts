import { createHash, timingSafeEqual } from 'node:crypto'
import { serviceError } from './errors.ts'

/** Who may call: anyone, a node (or an operator), an operator only. */
export type Role = 'public' | 'node' | 'operator'

/** The token of each role; a role without one is open to nobody. `false` turns authentication off: everybody is an operator. */
export type AccessTokens = { readonly operator?: string | undefined; readonly node?: string | undefined } | false

const RANK: Readonly<Record<Role, number>> = { public: 0, node: 1, operator: 2 }

/**
 * Makes the check of a request's `Authorization` header against the role an operation needs. It returns the role of the
 * caller; it throws `SHOAL_HTTP_UNAUTHORIZED` without a valid token and `SHOAL_HTTP_FORBIDDEN` when the role is too low.
 */
export function createAuthorizer(tokens: AccessTokens): (authorization: string | undefined, needed: Role) => Role {
  if (tokens === false) return () => 'operator'
  const known = (['node', 'operator'] as const).flatMap((role) => {
    const token = tokens[role]
    return token === undefined || token === '' ? [] : [{ role, hash: sha256(token) }]
  })
  return (authorization, needed) => {
    if (needed === 'public') return 'public'
    const given = /^Bearer +([^\s]{1,1000}) *$/i.exec(authorization ?? '')?.[1]
    if (given === undefined) throw serviceError('SHOAL_HTTP_UNAUTHORIZED')
    const hash = sha256(given)
    let role: Role | undefined
    // Hashes have one length, and every one of them is compared: the time taken tells nothing about a token.
    for (const candidate of known) if (timingSafeEqual(candidate.hash, hash)) role = candidate.role
    if (role === undefined) throw serviceError('SHOAL_HTTP_UNAUTHORIZED')
    if (RANK[role] < RANK[needed]) throw serviceError('SHOAL_HTTP_FORBIDDEN', { role: needed })
    return role
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
