import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { Attributes, CertificationRequest, CertificationRequestInfo } from '@peculiar/asn1-csr'
import { AsnConvert } from '@peculiar/asn1-schema'
import { AlgorithmIdentifier, SubjectPublicKeyInfo } from '@peculiar/asn1-x509'
import { errorMessage } from '@shoal/core'
import { exportSpki, nameOf, toArrayBuffer } from './build-certificate.ts'
import { trustError } from './errors.ts'

const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2'
const CURVE = 'prime256v1'
/** In PEM; ours has some 400. */
export const MAX_REQUEST_CHARS = 4096
const PEM = /^-----BEGIN CERTIFICATE REQUEST-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE REQUEST-----\s*$/

/** Makes a certificate request (PKCS #10, RFC 2986) in PEM for an EC key on P-256. */
export function createCertificateRequest(privateKey: KeyObject, commonName: string): string {
  const info = new CertificationRequestInfo({
    subject: nameOf(commonName),
    subjectPKInfo: AsnConvert.parse(exportSpki(createPublicKey(privateKey)), SubjectPublicKeyInfo),
    attributes: new Attributes(),
  })
  const request = new CertificationRequest({
    certificationRequestInfo: info,
    signatureAlgorithm: new AlgorithmIdentifier({ algorithm: ECDSA_WITH_SHA256 }),
    signature: toArrayBuffer(sign('sha256', Buffer.from(AsnConvert.serialize(info)), privateKey)),
  })
  const base64 = Buffer.from(AsnConvert.serialize(request)).toString('base64').replaceAll(/.{64}/g, '$&\n').trimEnd()
  return `-----BEGIN CERTIFICATE REQUEST-----\n${base64}\n-----END CERTIFICATE REQUEST-----\n`
}

/**
 * The key that a request asks a certificate for, once it is proven that the sender holds its private half. What else the
 * request says, its subject above all, is not used: who asks is known otherwise. Throws `SHOAL_TRUST_REQUEST`.
 */
export function readCertificateRequest(pem: string): KeyObject {
  const invalid = (reason: string, cause?: unknown) => trustError('SHOAL_TRUST_REQUEST', { reason }, cause)
  if (pem.length > MAX_REQUEST_CHARS) throw invalid(`it is longer than ${MAX_REQUEST_CHARS} characters`)
  const base64 = PEM.exec(pem)?.[1]
  if (base64 === undefined) throw invalid('it is not a CERTIFICATE REQUEST in PEM')
  let key: KeyObject
  let isSigned: boolean
  try {
    const request = AsnConvert.parse(Buffer.from(base64, 'base64'), CertificationRequest)
    const info = request.certificationRequestInfo
    const spki = Buffer.from(AsnConvert.serialize(info.subjectPKInfo))
    key = createPublicKey({ key: spki, format: 'der', type: 'spki' })
    const signed = Buffer.from(request.certificationRequestInfoRaw ?? AsnConvert.serialize(info))
    isSigned =
      key.asymmetricKeyDetails?.namedCurve === CURVE &&
      request.signatureAlgorithm.algorithm === ECDSA_WITH_SHA256 &&
      verify('sha256', signed, key, Buffer.from(request.signature))
  } catch (error) {
    throw invalid(errorMessage(error), error)
  }
  if (key.asymmetricKeyDetails?.namedCurve !== CURVE) throw invalid('its key is not an EC key on P-256')
  if (!isSigned) throw invalid('it is not signed by its own key')
  return key
}
