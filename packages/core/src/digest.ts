import { coreError } from './errors.ts'

/** A layer's content address: `sha256:` and the lower-case hexadecimal SHA-256 of the layer file. */
export type Digest = `sha256:${string}`

const DIGEST = /^sha256:[0-9a-f]{64}$/

/** Whether a value is a well-formed digest. */
export function isDigest(value: unknown): value is Digest {
  return typeof value === 'string' && DIGEST.test(value)
}

/** Checks a digest that came from outside. Throws `SHOAL_DIGEST_INVALID`. */
export function parseDigest(value: string): Digest {
  if (!isDigest(value)) throw coreError('SHOAL_DIGEST_INVALID', { value: value.slice(0, 100) })
  return value
}

/** Digest of 32 raw SHA-256 bytes. */
export function digestFromBytes(sha256: Uint8Array): Digest {
  return parseDigest(`sha256:${Buffer.from(sha256).toString('hex')}`)
}

/** The 32 raw bytes of a digest. */
export function digestBytes(digest: Digest): Uint8Array {
  return Buffer.from(digest.slice('sha256:'.length), 'hex')
}

/** The hexadecimal part: safe as a file name. */
export function digestHex(digest: Digest): string {
  return digest.slice('sha256:'.length)
}
