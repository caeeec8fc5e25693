import type { X509Certificate } from 'node:crypto'
import { readExtensions } from '@shoal/trust'

/** Why a certificate does not hold now; `undefined` when it does. `now`: milliseconds since the epoch. */
export function datesFault(certificate: X509Certificate, now: number): string | undefined {
  const { validFromDate, validToDate } = certificate
  if (now < validFromDate.getTime()) return `it does not hold before ${validFromDate.toISOString()}`
  if (now > validToDate.getTime()) return `it ended at ${validToDate.toISOString()}`
  return undefined
}

/**
 * Why a certificate cannot be traced to those that are trusted; `undefined` when it can. The rules are those of Nova (cursive's
 * `CertificateVerificationContext`): each issuer is among the trusted ones, holds now, and says that it signs certificates; the last one
 * has signed itself. One without a path length, over which cursive falls, allows as many as there are (RFC 5280, 4.2.1.9).
 */
export function trustFault(
  certificate: X509Certificate,
  trusted: readonly X509Certificate[],
  now: number,
): string | undefined {
  const issuers = trusted.filter((each) => datesFault(each, now) === undefined && signsCertificates(each))
  const path = findPath(certificate, issuers)
  if (path === undefined)
    return 'no trusted certificate that may sign others has signed it, up to one that has signed itself'
  // The certificate that signed the image does not count, nor does the issuer itself.
  const tooLong = path.findIndex((each, depth) => depth > 0 && depth - 1 > (readExtensions(each).pathLength ?? depth))
  return tooLong < 0 ? undefined : 'a trusted certificate above it does not allow so many below it'
}

/** From the certificate up to one that has signed itself. */
function findPath(
  certificate: X509Certificate,
  issuers: readonly X509Certificate[],
  below: readonly X509Certificate[] = [],
): X509Certificate[] | undefined {
  const path = [...below, certificate]
  for (const issuer of issuers.filter((each) => hasIssued(each, certificate))) {
    if (issuer.raw.equals(certificate.raw)) return path
    // Authorities that have signed each other must not make us go round.
    const isNew = path.every(({ raw }) => !raw.equals(issuer.raw))
    const found = isNew ? findPath(issuer, issuers, path) : undefined
    if (found !== undefined) return found
  }
  return undefined
}

function hasIssued(issuer: X509Certificate, certificate: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
}

function signsCertificates(certificate: X509Certificate): boolean {
  if (!certificate.ca) return false
  try {
    const { mayIssue, hasKeyUsage } = readExtensions(certificate)
    return mayIssue && hasKeyUsage
  } catch {
    return false
  }
}
