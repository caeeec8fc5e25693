import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, type X509Certificate } from 'node:crypto'
import { id_kp_clientAuth, id_kp_serverAuth } from '@peculiar/asn1-x509'
import { buildCertificate } from './build-certificate.ts'
import { type Identity, identityUri } from './identity.ts'

/** Of an embedded authority: longer than a cloud stays as it is. */
const AUTHORITY_LIFETIME_MS = 10 * 365 * 86_400_000
/** The clock of a machine that has just been set up may be behind. */
const BACKDATED_MS = 3_600_000

export interface IssueOptions {
  readonly publicKey: KeyObject
  readonly identity: Identity
  /** Milliseconds since the epoch. */
  readonly notBefore: number
  readonly lifetimeMs: number
  /** Of a seed: DNS names and addresses by which it is reached. */
  readonly hosts?: readonly string[]
}

/** The embedded certificate authority of a cluster: one self-signed certificate that signs those of nodes and seeds. */
export class CertificateAuthority {
  readonly certificate: X509Certificate
  readonly privateKey: KeyObject
  readonly #domain: string

  constructor(parts: { certificate: X509Certificate; privateKey: KeyObject }, { domain }: { domain: string }) {
    this.certificate = parts.certificate
    this.privateKey = parts.privateKey
    this.#domain = domain
  }

  /** Makes a new one, with a key of its own; `now` in milliseconds since the epoch. */
  static create({ domain, now }: { domain: string; now: number }): CertificateAuthority {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const certificate = buildCertificate(
      {
        // Two authorities of one name would be taken for each other where chains are built by name.
        commonName: `Shoal ${domain.slice(0, 40)} ${keyHash(publicKey).slice(0, 8)}`,
        publicKey,
        notBefore: now - BACKDATED_MS,
        notAfter: now + AUTHORITY_LIFETIME_MS,
        authority: { pathLength: 0 },
      },
      { privateKey },
    )
    return new CertificateAuthority({ certificate, privateKey }, { domain })
  }

  /** What join tokens name an authority by: SHA-256 of its certificate, base64url. */
  get fingerprint(): string {
    return authorityFingerprint(this.certificate)
  }

  /**
   * Signs a certificate. A node's serves clients alone: no node can answer for a seed over TLS. It never outlives the
   * authority.
   */
  issue({ publicKey, identity, notBefore, lifetimeMs, hosts = [] }: IssueOptions): X509Certificate {
    const isSeed = identity.role === 'seed'
    return buildCertificate(
      {
        commonName: identity.name,
        publicKey,
        notBefore,
        notAfter: Math.min(notBefore + lifetimeMs, this.certificate.validToDate.getTime()),
        purposes: isSeed ? [id_kp_serverAuth, id_kp_clientAuth] : [id_kp_clientAuth],
        uris: [identityUri(this.#domain, identity)],
        hosts: isSeed ? hosts : [],
      },
      { privateKey: this.privateKey, certificate: this.certificate },
    )
  }
}

/** SHA-256 of an authority's certificate in DER, base64url. */
export function authorityFingerprint(certificate: X509Certificate): string {
  return createHash('sha256').update(certificate.raw).digest('base64url')
}

/** Whether a private key is that of a certificate. */
export function isKeyOf(privateKey: KeyObject, certificate: X509Certificate): boolean {
  return createPublicKey(privateKey).equals(certificate.publicKey)
}

function keyHash(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')
}
