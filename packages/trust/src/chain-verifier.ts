import type { X509Certificate } from 'node:crypto'
import { errorMessage } from '@shoal/core'
import { type CertificateExtensions, readExtensions } from './certificate-extensions.ts'
import { trustError } from './errors.ts'
import { type Identity, parseIdentityUri } from './identity.ts'
import type { Revocations } from './revocations.ts'

/** What a chain has to lead to. */
export interface ChainAnchors {
  /** Certificates of the authorities that are trusted. */
  readonly authorities: readonly X509Certificate[]
  readonly domain: string
}

/** What may change about a chain that was verified once. */
export interface ChainMoment {
  readonly revocations: Revocations
  /** Milliseconds since the epoch; undefined: whether it holds now is not asked. */
  readonly now: number | undefined
  /** How far clocks may differ: a certificate is taken this long before it begins and after it ends to hold. */
  readonly toleranceMs: number
}

export type ChainVerification = ChainAnchors & ChainMoment

/** A holder's certificate that was verified, and whom it speaks for. */
export interface VerifiedCertificate {
  readonly certificate: X509Certificate
  readonly identity: Identity
}

/** The same with all certificates from it up to the authority. */
export interface VerifiedPath extends VerifiedCertificate {
  readonly path: readonly X509Certificate[]
}

/** Two intermediate authorities at most. */
const MAX_STEPS = 3

/**
 * Verifies a chain, the holder's certificate first (RFC 5280, section 6, without policies and name constraints: a certificate with
 * critical extensions of those is refused). Throws the codes of {@link verifyPath} and of {@link checkMoment}.
 */
export function verifyChain(chain: readonly X509Certificate[], options: ChainVerification): VerifiedCertificate {
  const verified = verifyPath(chain, options)
  checkMoment(verified, options)
  return verified
}

/**
 * Verifies what never changes about a chain while the authorities stay the same. Nothing of a certificate is parsed by anything but OpenSSL before
 * its signature is known to be that of a trusted authority. Throws `SHOAL_TRUST_UNKNOWN_AUTHORITY`, `SHOAL_TRUST_NAME` or `SHOAL_TRUST_MALFORMED`.
 */
export function verifyPath(chain: readonly X509Certificate[], options: ChainAnchors): VerifiedPath {
  const [certificate] = chain
  if (certificate === undefined) throw trustError('SHOAL_TRUST_MALFORMED', { reason: 'it is empty' })
  const path = findPath(chain, options.authorities)
  if (path === undefined) {
    throw trustError('SHOAL_TRUST_UNKNOWN_AUTHORITY', { subject: subjectOf(certificate) })
  }
  const extensions = path.map((each) => extensionsOf(each))
  checkConstraints(path, extensions)
  return { certificate, path, identity: identityOf(extensions[0]?.uris ?? [], options.domain) }
}

/** Whether a chain that was verified holds now. Throws `SHOAL_TRUST_EXPIRED` or `SHOAL_TRUST_REVOKED`. */
export function checkMoment({ certificate, path, identity }: VerifiedPath, moment: ChainMoment): void {
  for (const each of path) checkValidity(each, moment)
  if (moment.revocations.includes(identity, certificate)) {
    throw trustError('SHOAL_TRUST_REVOKED', { subject: `${identity.role} ${identity.name}` })
  }
}

/** From the holder's certificate up to one that is trusted, each signed by the next. */
function findPath(
  chain: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
): X509Certificate[] | undefined {
  const [holder, ...between] = chain
  if (holder === undefined || isTrusted(holder, authorities)) return undefined
  const path = [holder]
  for (let lowest = holder; path.length <= MAX_STEPS; ) {
    const anchor = authorities.find((authority) => isSignedBy(lowest, authority))
    if (anchor !== undefined) return [...path, anchor]
    const next = between.find((candidate) => !path.includes(candidate) && isSignedBy(lowest, candidate))
    if (next === undefined) return undefined
    path.push(next)
    lowest = next
  }
  return undefined
}

function isTrusted(certificate: X509Certificate, authorities: readonly X509Certificate[]): boolean {
  return authorities.some(({ raw }) => raw.equals(certificate.raw))
}

function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
}

function extensionsOf(certificate: X509Certificate): CertificateExtensions {
  try {
    return readExtensions(certificate)
  } catch (error) {
    throw trustError('SHOAL_TRUST_MALFORMED', { reason: errorMessage(error) }, error)
  }
}

function checkConstraints(path: readonly X509Certificate[], extensions: readonly CertificateExtensions[]): void {
  const malformed = (at: number, reason: string) =>
    trustError('SHOAL_TRUST_MALFORMED', { reason: `${subjectOf(path[at])}: ${reason}` })
  for (const [at, { mayIssue, pathLength, unknownCritical }] of extensions.entries()) {
    const [unknown] = unknownCritical
    if (unknown !== undefined) throw malformed(at, `its critical extension ${unknown} is not understood`)
    if (at === 0) {
      if (mayIssue) throw malformed(at, "an authority's certificate speaks for nobody")
      continue
    }
    if (!mayIssue) throw malformed(at, 'it may not sign certificates')
    // The holder's own certificate does not count.
    if (pathLength !== undefined && at - 1 > pathLength) throw malformed(at, 'more authorities follow than it allows')
  }
}

function checkValidity(certificate: X509Certificate, { now, toleranceMs }: ChainMoment): void {
  if (now === undefined) return
  const from = certificate.validFromDate.getTime()
  const to = certificate.validToDate.getTime()
  if (now >= from - toleranceMs && now <= to + toleranceMs) return
  throw trustError('SHOAL_TRUST_EXPIRED', {
    subject: subjectOf(certificate),
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    now: new Date(now).toISOString(),
  })
}

/** SPIFFE, X.509-SVID, section 2: exactly one URI. */
function identityOf(uris: readonly string[], domain: string): Identity {
  const [uri] = uris
  const identity = uri === undefined || uris.length > 1 ? undefined : parseIdentityUri(uri, domain)
  if (identity !== undefined) return identity
  const reason = uris.length === 1 ? `it says "${uri?.slice(0, 100)}"` : `it has ${uris.length} URIs`
  throw trustError('SHOAL_TRUST_NAME', { domain, reason })
}

/** The subject on one line, for messages; an operator's authority may put anything there. */
function subjectOf(certificate: X509Certificate | undefined): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: names from certificates are shown on terminals.
  return (certificate?.subject ?? '').replaceAll(/[\u0000-\u001f\u007f]+/g, ' ').slice(0, 100) || 'an unnamed holder'
}
