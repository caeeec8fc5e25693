import { generateKeyPairSync, type X509Certificate } from 'node:crypto'
import {
  CertificateAuthority,
  type Credential,
  createCredential,
  DEFAULT_TRUST_DOMAIN,
  type Identity,
  newCredentialRequest,
  readCertificateRequest,
} from '@shoal/trust'
import { buildCertificate, type CertificateDescription, type Signer } from '../src/build-certificate.ts'

export const NOW = Date.UTC(2026, 10, 22, 12)
export const HOUR_MS = 3_600_000

export function newAuthority(domain = DEFAULT_TRUST_DOMAIN): CertificateAuthority {
  return CertificateAuthority.create({ domain, now: NOW })
}

export interface CredentialOptions {
  readonly identity?: Identity
  readonly notBefore?: number
  readonly lifetimeMs?: number
}

/** A credential as a join makes it: the key never leaves its holder. */
export function issueCredential(authority: CertificateAuthority, options: CredentialOptions = {}): Credential {
  const { identity = { role: 'node', name: 'n1' }, notBefore = NOW, lifetimeMs = 24 * HOUR_MS } = options
  const { privateKey, request } = newCredentialRequest(identity.name)
  const publicKey = readCertificateRequest(request)
  return createCredential(privateKey, [authority.issue({ publicKey, identity, notBefore, lifetimeMs })])
}

/** A certificate as another authority might make it, and the key to sign more with it. */
export function forge(
  description: Partial<CertificateDescription>,
  signer?: Signer,
): { readonly privateKey: Signer['privateKey']; readonly certificate: X509Certificate } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const certificate = buildCertificate(
    {
      commonName: 'forged',
      publicKey,
      notBefore: NOW - HOUR_MS,
      notAfter: NOW + 100 * HOUR_MS,
      ...description,
    },
    signer ?? { privateKey },
  )
  return { privateKey, certificate }
}
