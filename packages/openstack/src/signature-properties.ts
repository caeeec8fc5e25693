import { createHash } from 'node:crypto'
import { type GlanceImage, isImageId } from './glance-image.ts'

/** Hash methods of image signatures, by the names that Glance and Nova know them by, with node:crypto's. */
const HASH_METHODS = { 'SHA-224': 'sha224', 'SHA-256': 'sha256', 'SHA-384': 'sha384', 'SHA-512': 'sha512' } as const

/** Types of keys that sign images. What follows ECC_ is the curve, in upper case. */
export const SIGNATURE_KEY_TYPES = [
  'RSA-PSS',
  'DSA',
  'ECC_SECP384R1',
  'ECC_SECP521R1',
  'ECC_SECT409K1',
  'ECC_SECT409R1',
  'ECC_SECT571K1',
  'ECC_SECT571R1',
] as const
export type SignatureKeyType = (typeof SIGNATURE_KEY_TYPES)[number]
export type SignatureHashMethod = keyof typeof HASH_METHODS

/** What an image says of the signature of its bytes, well formed; whether any of it is true has to be found out. */
export interface SignatureProperties {
  readonly signature: Uint8Array
  readonly hashMethod: SignatureHashMethod
  /** The hash method's name for node:crypto. */
  readonly algorithm: (typeof HASH_METHODS)[SignatureHashMethod]
  readonly keyType: SignatureKeyType
  /** Id of the signer's certificate in the key manager. */
  readonly certificate: string
}

/** Whether an image says that its bytes are signed. */
export type SignatureClaim =
  | { readonly kind: 'unsigned' }
  | { readonly kind: 'signed'; readonly properties: SignatureProperties }
  | { readonly kind: 'malformed'; readonly property: string; readonly reason: string }

const SIGNATURE = 'img_signature'
const HASH_METHOD = 'img_signature_hash_method'
const KEY_TYPE = 'img_signature_key_type'
const CERTIFICATE = 'img_signature_certificate_uuid'
/** The properties that make up an image's signature. One alone is a claim already. */
export const SIGNATURE_PROPERTIES = [SIGNATURE, HASH_METHOD, KEY_TYPE, CERTIFICATE] as const
/** In base64; a key of 16,384 bits, the longest that OpenSSL verifies with, gives 2,732. */
export const MAX_SIGNATURE_CHARS = 4096
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

type Properties = Pick<GlanceImage, 'properties'>

/** Reads what Nova and Glance take for an image's signature. An image with some of the properties claims one that is malformed. */
export function readSignatureClaim(image: Properties): SignatureClaim {
  const [signature, hashMethod, keyType, certificate] = SIGNATURE_PROPERTIES.map((name) => propertyOf(image, name))
  const malformed = (property: string, reason: string) => ({ kind: 'malformed', property, reason }) as const
  const isClaimed = [signature, hashMethod, keyType, certificate].some((value) => value !== undefined)
  if (!isClaimed) return { kind: 'unsigned' }
  if (signature === undefined) return malformed(SIGNATURE, 'it is missing')
  if (signature.length > MAX_SIGNATURE_CHARS) return malformed(SIGNATURE, `it is longer than ${MAX_SIGNATURE_CHARS}`)
  const encoded = signature.replaceAll(/\s/g, '')
  if (encoded === '' || !BASE64.test(encoded)) return malformed(SIGNATURE, 'it is not base64')
  if (hashMethod === undefined) return malformed(HASH_METHOD, 'it is missing')
  if (!isHashMethod(hashMethod)) {
    return malformed(HASH_METHOD, `it is none of ${Object.keys(HASH_METHODS).join(', ')}`)
  }
  if (keyType === undefined) return malformed(KEY_TYPE, 'it is missing')
  if (!isKeyType(keyType)) return malformed(KEY_TYPE, `it is none of ${SIGNATURE_KEY_TYPES.join(', ')}`)
  if (certificate === undefined) return malformed(CERTIFICATE, 'it is missing')
  // It becomes part of an address and of a file's name.
  if (!isImageId(certificate)) return malformed(CERTIFICATE, 'it is no UUID')
  const algorithm = HASH_METHODS[hashMethod]
  const properties = {
    ...{ hashMethod, algorithm, keyType },
    signature: Buffer.from(encoded, 'base64'),
    certificate: certificate.toLowerCase(),
  }
  return { kind: 'signed', properties }
}

/** One text for all that an image says of its signature: the same as long as that is the same, empty when it says nothing. */
export function signatureFingerprint(image: Properties): string {
  const values = SIGNATURE_PROPERTIES.map((name) => propertyOf(image, name) ?? null)
  if (values.every((value) => value === null)) return ''
  return createHash('sha256').update(JSON.stringify(values)).digest('hex')
}

function propertyOf({ properties }: Properties, name: string): string | undefined {
  return Object.hasOwn(properties, name) ? properties[name] : undefined
}

function isHashMethod(value: string): value is SignatureHashMethod {
  return Object.hasOwn(HASH_METHODS, value)
}

function isKeyType(value: string): value is SignatureKeyType {
  return SIGNATURE_KEY_TYPES.some((known) => known === value)
}
