import { X509Certificate } from 'node:crypto'
import { errorMessage } from '@shoal/core'
import { trustError } from './errors.ts'

/** Of a whole chain; a certificate of ours has 500 to 900 bytes. */
const MAX_CHAIN_BYTES = 16 * 1024
/** The leaf and two intermediate authorities; the anchor may come along. */
const MAX_CERTIFICATES = 4
/** Of a file with certificates of authorities. */
const MAX_PEM_CERTIFICATES = 32
const DER_SEQUENCE = 0x30
const PEM_BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/**
 * Takes a chain apart as it crosses a wire: DER certificates one after another, the holder's first. At most 16 KiB and four
 * certificates. Throws `SHOAL_TRUST_MALFORMED`.
 */
export function decodeChain(chain: Uint8Array): X509Certificate[] {
  const malformed = (reason: string) => trustError('SHOAL_TRUST_MALFORMED', { reason })
  if (chain.length === 0) throw malformed('it is empty')
  if (chain.length > MAX_CHAIN_BYTES) throw malformed(`it is longer than ${MAX_CHAIN_BYTES} bytes`)
  const certificates: X509Certificate[] = []
  for (let at = 0; at < chain.length; ) {
    if (certificates.length === MAX_CERTIFICATES) throw malformed(`it has more than ${MAX_CERTIFICATES} certificates`)
    const length = derLength(chain.subarray(at))
    if (length === undefined || at + length > chain.length) throw malformed('it is cut off')
    certificates.push(parse(chain.subarray(at, at + length)))
    at += length
  }
  return certificates
}

/** What {@link decodeChain} takes apart. */
export function encodeChain(certificates: readonly X509Certificate[]): Uint8Array {
  return Buffer.concat(certificates.map(({ raw }) => raw))
}

/** Certificates of a PEM text, in its order; text around them is let be. Throws `SHOAL_TRUST_MALFORMED`. */
export function parsePem(text: string): X509Certificate[] {
  const blocks = text.match(PEM_BLOCK) ?? []
  if (blocks.length === 0) throw trustError('SHOAL_TRUST_MALFORMED', { reason: 'it holds no certificate in PEM' })
  if (blocks.length > MAX_PEM_CERTIFICATES) {
    throw trustError('SHOAL_TRUST_MALFORMED', { reason: `it holds more than ${MAX_PEM_CERTIFICATES} certificates` })
  }
  return blocks.map((block) => parse(block))
}

/** Certificates as a PEM text. */
export function toPem(certificates: readonly X509Certificate[]): string {
  return certificates.map((certificate) => certificate.toString()).join('')
}

function parse(encoded: Uint8Array | string): X509Certificate {
  try {
    return new X509Certificate(encoded)
  } catch (error) {
    throw trustError('SHOAL_TRUST_MALFORMED', { reason: errorMessage(error) }, error)
  }
}

/** Bytes that the DER sequence at the beginning takes, head included (X.690, 8.1.3); none where there is no such head. */
function derLength(bytes: Uint8Array): number | undefined {
  const [tag, first] = bytes
  if (tag !== DER_SEQUENCE || first === undefined) return undefined
  if (first < 0x80) return 2 + first
  const size = first & 0x7f
  if (size < 1 || size > 2 || bytes.length < 2 + size) return undefined
  return 2 + size + bytes.subarray(2, 2 + size).reduce((sum, byte) => sum * 256 + byte, 0)
}
