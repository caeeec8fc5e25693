import { createHash, timingSafeEqual } from 'node:crypto'

/** Roles of people and pipelines, each with all that the next may do: admin, operator, reader. */
export type PersonRole = 'admin' | 'operator' | 'reader'

/** A token that somebody holds, as a service knows it. */
export interface Credential {
  readonly name: string
  readonly role: PersonRole | 'node' | 'service'
  /** SHA-256 of the token. */
  readonly hash: Buffer
}

/** The tokens of a service. */
export interface Credentials {
  /** The one whose token this is. */
  byToken(token: string): Credential | undefined
  byName(name: string): Credential | undefined
}

/** The tokens that are kept in files; a missing one is open to nobody. */
export type AccessTokens = { readonly [R in 'operator' | 'node' | 'viewer']?: string | undefined } & {
  /** What the token of nodes opens; where nodes have certificates, only what services read. */
  readonly nodeRole?: 'node' | 'service'
}

const ROLES = { operator: 'admin', node: 'node', viewer: 'reader' } as const

/** The credentials of tokens that are kept in files: `operator` may do everything, `viewer` may read. */
export function fileCredentials(tokens: AccessTokens): Credentials {
  const known = (['viewer', 'node', 'operator'] as const).flatMap((name): Credential[] => {
    const token = tokens[name]
    return token === undefined || token === ''
      ? []
      : [{ name, role: name === 'node' ? (tokens.nodeRole ?? 'node') : ROLES[name], hash: hashOfToken(token) }]
  })
  return {
    byToken: (token) => {
      const hash = hashOfToken(token)
      // Every one is compared: the time taken tells nothing about a token.
      return known.reduce<Credential | undefined>((found, one) => (isSameHash(one.hash, hash) ? one : found), undefined)
    },
    byName: (name) => known.find((candidate) => candidate.name === name),
  }
}

/** Whether a role is one of people and pipelines. */
export function isPerson(role: Credential['role']): role is PersonRole {
  return role !== 'node' && role !== 'service'
}

/** One pass of SHA-256: tokens are 32 random bytes, so there is nothing that a slow hash would keep anybody from guessing. */
export function hashOfToken(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

/** Compares two hashes in a time that does not depend on them. */
export function isSameHash(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}
