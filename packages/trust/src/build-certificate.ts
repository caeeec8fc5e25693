import { createHash, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { AsnConvert, OctetString } from '@peculiar/asn1-schema'
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  GeneralName,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  KeyIdentifier,
  KeyUsage,
  KeyUsageFlags,
  Name,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectKeyIdentifier,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from '@peculiar/asn1-x509'

const COMMON_NAME = '2.5.4.3'
const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2'
const SERIAL_BYTES = 16
/** RFC 5280, appendix A: ub-common-name. The whole name is among the alternative names. */
const MAX_COMMON_NAME = 64

export interface CertificateDescription {
  readonly commonName: string
  readonly publicKey: KeyObject
  /** Milliseconds since the epoch; certificates keep whole seconds. */
  readonly notBefore: number
  readonly notAfter: number
  /** Of an authority: authorities that may follow below it. */
  readonly authority?: { readonly pathLength: number }
  /** Extended key usage, as object identifiers. */
  readonly purposes?: readonly string[]
  readonly uris?: readonly string[]
  /** DNS names and addresses. */
  readonly hosts?: readonly string[]
}

/** An authority as it signs; without a certificate it signs its own. The key is an EC key on P-256. */
export interface Signer {
  readonly privateKey: KeyObject
  readonly certificate?: X509Certificate
}

/** Makes and signs an X.509 v3 certificate (RFC 5280) with a random serial number. */
export function buildCertificate(description: CertificateDescription, signer: Signer): X509Certificate {
  const algorithm = new AlgorithmIdentifier({ algorithm: ECDSA_WITH_SHA256 })
  const spki = AsnConvert.parse(exportSpki(description.publicKey), SubjectPublicKeyInfo)
  const issuer = signer.certificate && AsnConvert.parse(signer.certificate.raw, Certificate).tbsCertificate
  const subject = nameOf(description.commonName)
  const body = new TBSCertificate({
    version: Version.v3,
    serialNumber: randomSerial(),
    signature: algorithm,
    issuer: issuer?.subject ?? subject,
    validity: new Validity({
      notBefore: new Date(description.notBefore),
      notAfter: new Date(description.notAfter),
    }),
    subject,
    subjectPublicKeyInfo: spki,
    extensions: new Extensions(extensionsOf(description, spki, issuer?.subjectPublicKeyInfo ?? spki)),
  })
  const signature = sign('sha256', Buffer.from(AsnConvert.serialize(body)), signer.privateKey)
  const certificate = new Certificate({
    tbsCertificate: body,
    signatureAlgorithm: algorithm,
    signatureValue: toArrayBuffer(signature),
  })
  return new X509Certificate(Buffer.from(AsnConvert.serialize(certificate)))
}

/** A distinguished name of a common name alone. */
export function nameOf(commonName: string): Name {
  const value = new AttributeValue({ utf8String: commonName.slice(0, MAX_COMMON_NAME) })
  return new Name([new RelativeDistinguishedName([new AttributeTypeAndValue({ type: COMMON_NAME, value })])])
}

/** DER of a public key (RFC 5280, SubjectPublicKeyInfo). */
export function exportSpki(publicKey: KeyObject): Buffer {
  return publicKey.export({ type: 'spki', format: 'der' })
}

/** The bytes alone, without the pool that a Buffer may lie in. */
export function toArrayBuffer(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer
}

function extensionsOf(
  { authority, purposes, uris = [], hosts = [] }: CertificateDescription,
  own: SubjectPublicKeyInfo,
  issuer: SubjectPublicKeyInfo,
): Extension[] {
  const usage = authority === undefined ? KeyUsageFlags.digitalSignature : KeyUsageFlags.keyCertSign
  const names = [
    ...uris.map((uri) => new GeneralName({ uniformResourceIdentifier: uri })),
    ...hosts.map((host) => new GeneralName(isIP(host) === 0 ? { dNSName: host } : { iPAddress: host })),
  ]
  const basic = authority === undefined ? {} : { cA: true, pathLenConstraint: authority.pathLength }
  return [
    extension(id_ce_basicConstraints, new BasicConstraints(basic), true),
    extension(id_ce_keyUsage, new KeyUsage(usage), true),
    ...(purposes === undefined ? [] : [extension(id_ce_extKeyUsage, new ExtendedKeyUsage([...purposes]))]),
    ...(names.length === 0 ? [] : [extension(id_ce_subjectAltName, new SubjectAlternativeName(names))]),
    extension(id_ce_subjectKeyIdentifier, new SubjectKeyIdentifier(keyIdentifier(own))),
    extension(
      id_ce_authorityKeyIdentifier,
      new AuthorityKeyIdentifier({ keyIdentifier: new KeyIdentifier(keyIdentifier(issuer)) }),
    ),
  ]
}

function extension(extnID: string, value: object, critical = false): Extension {
  return new Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) })
}

/** RFC 5280, 4.2.1.2, method 1: SHA-1 of the key's bits, an index and no protection. */
function keyIdentifier({ subjectPublicKey }: SubjectPublicKeyInfo): ArrayBuffer {
  return toArrayBuffer(createHash('sha1').update(Buffer.from(subjectPublicKey)).digest())
}

/** Positive and of full length (RFC 5280, 4.1.2.2). */
function randomSerial(): ArrayBuffer {
  const serial = randomBytes(SERIAL_BYTES)
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40
  return toArrayBuffer(serial)
}
