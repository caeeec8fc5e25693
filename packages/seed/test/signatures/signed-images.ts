import { constants, generateKeyPairSync, type KeyObject, randomUUID, sign, type X509Certificate } from 'node:crypto'
import type { SignatureHashMethod, SignatureKeyType } from '@shoal/openstack'
import { buildCertificate, type CertificateDescription, type Signer } from '@shoal/trust/build-certificate'
import type { CertificateSource } from '../../src/signatures/certificate-source.ts'

const HOUR_MS = 3_600_000
const MAX_SALT = constants.RSA_PSS_SALTLEN_MAX_SIGN

/** Who signs images: a key of one of the types, with its certificate and that one's id. */
export interface ImageSigner {
  readonly id: string
  readonly keyType: SignatureKeyType
  readonly privateKey: KeyObject
  readonly certificate: X509Certificate
}

/** An authority of its own, or one below another. */
export function newIssuer(commonName: string, description: Partial<CertificateDescription> = {}, above?: Signer) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const authority = { pathLength: 2 }
  const certificate = buildCertificate(
    { commonName, publicKey, ...validity(), authority, ...description },
    above ?? { privateKey },
  )
  return { privateKey, certificate, id: randomUUID() }
}

export function newSigner(
  keyType: SignatureKeyType = 'ECC_SECP384R1',
  description: Partial<CertificateDescription> = {},
  issuer: Signer = newIssuer('an authority'),
): ImageSigner {
  const { privateKey, publicKey } = newKeys(keyType)
  const certificate = buildCertificate({ commonName: 'signer', publicKey, ...validity(), ...description }, issuer)
  return { id: randomUUID(), keyType, privateKey, certificate }
}

/** The properties of an image of this content, signed as its owner would sign it. */
export function signatureOf(
  content: Uint8Array,
  { id, keyType, privateKey: key }: ImageSigner,
  hashMethod: SignatureHashMethod = 'SHA-256',
): Record<string, string> {
  const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: MAX_SALT }
  const signature = sign(hashMethod.replace('-', ''), content, { key, ...(keyType === 'RSA-PSS' ? padding : {}) })
  return {
    img_signature: signature.toString('base64'),
    img_signature_hash_method: hashMethod,
    img_signature_key_type: keyType,
    img_signature_certificate_uuid: id,
  }
}

/** Certificates in memory. */
export function certificatesOf(
  ...holders: readonly { readonly id: string; readonly certificate: X509Certificate }[]
): CertificateSource {
  const byId = new Map(holders.map(({ id, certificate }) => [id, certificate]))
  return { certificate: async (id) => byId.get(id) }
}

function newKeys(keyType: SignatureKeyType): { privateKey: KeyObject; publicKey: KeyObject } {
  if (keyType === 'RSA-PSS') return generateKeyPairSync('rsa', { modulusLength: 2048 })
  if (keyType === 'DSA') return generateKeyPairSync('dsa', { modulusLength: 1024, divisorLength: 160 })
  return generateKeyPairSync('ec', { namedCurve: keyType.slice('ECC_'.length).toLowerCase() })
}

function validity(): { notBefore: number; notAfter: number } {
  return { notBefore: Date.now() - HOUR_MS, notAfter: Date.now() + HOUR_MS }
}
