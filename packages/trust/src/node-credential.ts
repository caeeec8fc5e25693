import { createPrivateKey, generateKeyPairSync, type KeyObject, type X509Certificate } from 'node:crypto'
import { isKeyOf } from './certificate-authority.ts'
import { encodeChain, parsePem, toPem } from './certificate-chain.ts'
import { createCertificateRequest } from './certificate-request.ts'

/** A private key and the chain that says whose it is: what a node or a seed shows of itself. */
export interface Credential {
  readonly privateKey: KeyObject
  /** The holder's certificate first; the authority need not be in it. */
  readonly certificates: readonly X509Certificate[]
}

/** The same as TLS takes it. */
export interface PemCredential {
  readonly key: string
  readonly cert: string
}

/** A key whose certificate is asked for. */
export interface CredentialRequest {
  readonly privateKey: KeyObject
  /** PKCS #10, PEM. */
  readonly request: string
}

/** Makes a new EC key on P-256, unless one is given, and the request for its certificate. */
export function newCredentialRequest(name: string, key?: KeyObject): CredentialRequest {
  const privateKey = key ?? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  return { privateKey, request: createCertificateRequest(privateKey, name) }
}

/** Puts a credential together. Throws a TypeError when the key is not that of the first certificate. */
export function createCredential(privateKey: KeyObject, certificates: readonly X509Certificate[]): Credential {
  const [holder] = certificates
  if (holder === undefined || !isKeyOf(privateKey, holder)) {
    throw new TypeError('the private key is not that of the first certificate')
  }
  return { privateKey, certificates }
}

/** The chain as it crosses a wire. */
export function chainOf({ certificates }: Credential): Uint8Array {
  return encodeChain(certificates)
}

export function credentialToPem({ privateKey, certificates }: Credential): PemCredential {
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: toPem(certificates),
  }
}

/** Reads key and chain from PEM. Throws what OpenSSL says, `SHOAL_TRUST_MALFORMED`, or a TypeError when they do not belong together. */
export function credentialFromPem({ key, cert }: PemCredential): Credential {
  return createCredential(createPrivateKey(key), parsePem(cert))
}
