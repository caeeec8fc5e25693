import type { KeyObject, X509Certificate } from 'node:crypto'
import type { SignatureProperties } from '@shoal/openstack'

/** What a thread needs to verify a signature over bytes that it hashes. */
export interface SignatureParameters {
  /** Name of the hash for node:crypto. */
  readonly algorithm: string
  /** DER (RFC 5280, SubjectPublicKeyInfo). */
  readonly publicKey: Uint8Array
  readonly signature: Uint8Array
  /** Of RSA-PSS; `undefined` for keys that know no padding. Bytes. */
  readonly saltBytes: number | undefined
}

const HASH_BYTES = { sha224: 28, sha256: 32, sha384: 48, sha512: 64 } as const

/**
 * How the signature is verified with the certificate's key, as Nova does (cursive): RSA-PSS with MGF1 of the same hash and the longest
 * possible salt, DSA and ECDSA with DER signatures. Unlike there the key must be of the curve that the image names. Gives
 * the reason when the key does not fit.
 */
export function signatureParameters(
  { algorithm, keyType, signature }: SignatureProperties,
  certificate: X509Certificate,
): SignatureParameters | { readonly fault: string } {
  const key = publicKeyOf(certificate)
  if (key === undefined) return { fault: 'its key is of a kind that is not known here' }
  const kind = kindOf(key)
  if (kind !== keyType) return { fault: `its key is ${kind}, the image says ${keyType}` }
  const saltBytes = keyType === 'RSA-PSS' ? longestSalt(key, HASH_BYTES[algorithm]) : undefined
  if (saltBytes !== undefined && saltBytes < 0) return { fault: `its key is too short for ${algorithm}` }
  const publicKey = new Uint8Array(key.export({ type: 'spki', format: 'der' }))
  return { algorithm, publicKey, signature: new Uint8Array(signature), saltBytes }
}

function publicKeyOf(certificate: X509Certificate): KeyObject | undefined {
  try {
    return certificate.publicKey
  } catch {
    return undefined
  }
}

/** The key's type by the names that images use. */
function kindOf({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): string {
  if (type === 'rsa') return 'RSA-PSS'
  if (type === 'dsa') return 'DSA'
  if (type === 'ec') return `ECC_${details?.namedCurve?.toUpperCase() ?? ''}`
  return type ?? 'unknown'
}

/** RFC 8017, 9.1.1: the encoded message has one bit less than the modulus, and two bytes of its own beside hash and salt. */
function longestSalt({ asymmetricKeyDetails: details }: KeyObject, hashBytes: number): number {
  return Math.ceil(((details?.modulusLength ?? 0) - 1) / 8) - hashBytes - 2
}
