import type { X509Certificate } from 'node:crypto'
import { AsnConvert } from '@peculiar/asn1-schema'
import {
  BasicConstraints,
  Certificate,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  KeyUsage,
  KeyUsageFlags,
  SubjectAlternativeName,
} from '@peculiar/asn1-x509'

/** What verification asks of a certificate's extensions (RFC 5280, 4.2). */
export interface CertificateExtensions {
  /** URIs among the alternative names of the subject. */
  readonly uris: readonly string[]
  /** Whether it may sign certificates: an authority's, and not barred from that by its key usage. */
  readonly mayIssue: boolean
  /** Whether it says what its key is for. */
  readonly hasKeyUsage: boolean
  /** Authorities that may follow below it before the holder's certificate; none: as many as there are. */
  readonly pathLength: number | undefined
  /** Object identifiers of critical extensions that are not understood here: such a certificate must be refused. */
  readonly unknownCritical: readonly string[]
}

const UNDERSTOOD: ReadonlySet<string> = new Set([
  id_ce_basicConstraints,
  id_ce_keyUsage,
  id_ce_extKeyUsage,
  id_ce_subjectAltName,
])

/** An authority's are asked for with each chain that leads to it. */
const read = new WeakMap<X509Certificate, CertificateExtensions>()

/** Reads the extensions of a certificate whose signature is known to be a trusted authority's. Throws on one that is not DER. */
export function readExtensions(certificate: X509Certificate): CertificateExtensions {
  const known = read.get(certificate) ?? parseExtensions(certificate)
  read.set(certificate, known)
  return known
}

function parseExtensions(certificate: X509Certificate): CertificateExtensions {
  const { extensions = [] } = AsnConvert.parse(certificate.raw, Certificate).tbsCertificate
  const extensionValue = (id: string) => extensions.find(({ extnID }) => extnID === id)?.extnValue
  const constraints = extensionValue(id_ce_basicConstraints)
  const usage = extensionValue(id_ce_keyUsage)
  const names = extensionValue(id_ce_subjectAltName)
  const basic = constraints === undefined ? undefined : AsnConvert.parse(constraints, BasicConstraints)
  const flags = usage === undefined ? KeyUsageFlags.keyCertSign : AsnConvert.parse(usage, KeyUsage).toNumber()
  return {
    uris: (names === undefined ? [] : AsnConvert.parse(names, SubjectAlternativeName)).flatMap(
      ({ uniformResourceIdentifier }) => uniformResourceIdentifier ?? [],
    ),
    mayIssue: basic?.cA === true && (flags & KeyUsageFlags.keyCertSign) !== 0,
    hasKeyUsage: usage !== undefined,
    pathLength: basic?.pathLenConstraint,
    unknownCritical: extensions
      .filter(({ critical, extnID }) => critical && !UNDERSTOOD.has(extnID))
      .map(({ extnID }) => extnID),
  }
}
