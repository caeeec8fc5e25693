import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { trustError } from './errors.ts'

/** What a node is given so that it can join: which token, its secret, and by what it knows the seed's authority. */
export interface JoinToken {
  /** 16 hexadecimal digits; not secret. */
  readonly id: string
  /** 32 random bytes, base64url. */
  readonly secret: string
  /** SHA-256 of the authority's certificate, base64url: the joining node takes no other. */
  readonly authority: string
}

const TOKEN = /^shoal-join\.([0-9a-f]{16})\.([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{43})$/
const MAX_CHARS = 200

export function newJoinToken(authority: string): JoinToken {
  return { id: randomBytes(8).toString('hex'), secret: randomBytes(32).toString('base64url'), authority }
}

/** As one word: `shoal-join.ID.SECRET.AUTHORITY`. */
export function formatJoinToken({ id, secret, authority }: JoinToken): string {
  return `shoal-join.${id}.${secret}.${authority}`
}

/** Throws `SHOAL_TRUST_JOIN_TOKEN`; the message never shows the secret. */
export function parseJoinToken(text: string): JoinToken {
  const trimmed = text.slice(0, MAX_CHARS + 1).trim()
  const [, id, secret, authority] = TOKEN.exec(trimmed) ?? []
  if (id === undefined || secret === undefined || authority === undefined) {
    const reason = trimmed.startsWith('shoal-join.')
      ? 'a part is missing or cut off'
      : 'it does not begin with shoal-join'
    throw trustError('SHOAL_TRUST_JOIN_TOKEN', { reason })
  }
  return { id, secret, authority }
}

/** What is kept of a secret. It has 256 random bits, so that one SHA-256 is enough. */
export function hashJoinSecret(secret: string): string {
  return createHash('sha256').update('shoal join token\0').update(secret).digest('hex')
}

/** Whether a secret is that of a hash, in a time that tells nothing. */
export function isJoinSecret(secret: string, hash: string): boolean {
  const given = Buffer.from(hashJoinSecret(secret))
  const known = Buffer.from(hash)
  return given.length === known.length && timingSafeEqual(given, known)
}
