import type { X509Certificate } from 'node:crypto'
import { type Clock, errorCode, type Logger } from '@shoal/core'
import { type GlanceImage, readSignatureClaim, signatureFingerprint } from '@shoal/openstack'
import { seedError } from '../errors.ts'
import { type SignatureVerdict, toErrorBody } from '../images/image-record.ts'
import type { CertificateSource } from './certificate-source.ts'
import { datesFault, trustFault } from './certificate-trust.ts'
import { type SignatureParameters, signatureParameters } from './signature-parameters.ts'

export interface SignaturePolicy {
  /** off: signatures are not looked at; signed: one that is claimed has to be right; required: and every image has to claim one. */
  readonly policy: 'off' | 'signed' | 'required'
  /** Ids of the certificates that have to be above a signer's; none: every certificate that there is will do. */
  readonly trustedCertificates: readonly string[]
}

/** A signature that an image claims, ready to be verified over its bytes. */
export interface ClaimedSignature {
  readonly parameters: SignatureParameters
  /** What to keep once it is known whether the bytes have it. Throws `SHOAL_IMAGE_SIGNATURE_MISMATCH` when they have not. */
  conclude(isSigned: boolean | undefined): SignatureVerdict
}

/** What is wrong with the image or its signer, and stays so until somebody changes one of them. */
const FAULTS: ReadonlySet<string> = new Set([
  'SHOAL_IMAGE_UNSIGNED',
  'SHOAL_IMAGE_SIGNATURE_PROPERTY',
  'SHOAL_IMAGE_SIGNATURE_CERTIFICATE',
  'SHOAL_IMAGE_SIGNATURE_MISMATCH',
  'SHOAL_IMAGE_SIGNATURE_STALE',
])

/** The signatures of images as Nova and Glance know them (docs/image-safety.md#signatures): claims, certificates and verdicts. */
export class ImageSignatures {
  readonly #deps: { readonly certificates: CertificateSource; readonly clock: Clock; readonly logger: Logger }
  readonly #policy: SignaturePolicy

  constructor(deps: { certificates: CertificateSource; clock: Clock; logger: Logger }, policy: SignaturePolicy) {
    this.#deps = deps
    this.#policy = policy
  }

  /**
   * The signature that an image's bytes have to have; `undefined` when none is asked for. No byte of the image is needed for this.
   * Throws `SHOAL_IMAGE_UNSIGNED`, `SHOAL_IMAGE_SIGNATURE_*`, and what goes wrong with the key manager.
   */
  async claimOf(image: GlanceImage, { signal }: { signal: AbortSignal }): Promise<ClaimedSignature | undefined> {
    const { policy } = this.#policy
    if (policy === 'off') return undefined
    const { id } = image
    const claim = readSignatureClaim(image)
    if (claim.kind === 'malformed') {
      const { property, reason } = claim
      throw seedError('SHOAL_IMAGE_SIGNATURE_PROPERTY', { image: id, property, reason })
    }
    if (claim.kind === 'unsigned') {
      if (policy === 'required') throw seedError('SHOAL_IMAGE_UNSIGNED', { image: id })
      return undefined
    }
    const { properties } = claim
    const certificate = await this.#certificateOf(id, properties.certificate, signal)
    const parameters = signatureParameters(properties, certificate)
    if ('fault' in parameters) throw certificateFault(id, properties.certificate, parameters.fault)
    const conclude = (isSigned: boolean | undefined) => {
      if (isSigned !== true) {
        throw seedError('SHOAL_IMAGE_SIGNATURE_MISMATCH', { image: id, certificate: properties.certificate })
      }
      return this.#verdict(image, { state: 'verified', subject: onOneLine(certificate.subject), error: null })
    }
    return { parameters, conclude }
  }

  /** What to keep of a refusal; `undefined` when the error says nothing of the image or its signer. */
  refusalOf(image: GlanceImage, error: unknown): SignatureVerdict | undefined {
    if (!FAULTS.has(errorCode(error) ?? '')) return undefined
    return this.#verdict(image, { state: 'refused', subject: null, error: toErrorBody(error) })
  }

  /** Whether what is known of an image falls short of what is asked for: it has to be looked at, or taken back. */
  isOpen(image: GlanceImage, verdict: SignatureVerdict | null): boolean {
    const { policy } = this.#policy
    const claim = signatureFingerprint(image)
    if (policy === 'off' || (claim === '' && policy === 'signed')) return false
    return verdict?.claim !== claim || verdict.state !== 'verified'
  }

  #verdict(image: GlanceImage, found: Pick<SignatureVerdict, 'state' | 'subject' | 'error'>): SignatureVerdict {
    const checkedAt = new Date(this.#deps.clock.now()).toISOString()
    return { ...found, claim: signatureFingerprint(image), checkedAt }
  }

  /** The signer's certificate: it holds now, and if some are trusted they have signed it. */
  async #certificateOf(image: string, id: string, signal: AbortSignal): Promise<X509Certificate> {
    const { certificates, clock } = this.#deps
    const found = await this.#lookUp(image, id, signal)
    const late = datesFault(found, clock.now())
    if (late !== undefined) throw certificateFault(image, id, late)
    const { trustedCertificates } = this.#policy
    if (trustedCertificates.length === 0) return found
    const trusted: X509Certificate[] = []
    for (const each of trustedCertificates) {
      const certificate = await certificates.certificate(each, { signal })
      if (certificate === undefined)
        this.#deps.logger.warn({ certificate: each }, 'there is no such trusted certificate')
      else trusted.push(certificate)
    }
    const untrusted = trustFault(found, trusted, clock.now())
    if (untrusted !== undefined) throw certificateFault(image, id, untrusted)
    return found
  }

  async #lookUp(image: string, id: string, signal: AbortSignal): Promise<X509Certificate> {
    const found = await this.#deps.certificates.certificate(id, { signal }).catch((error: unknown) => {
      const isBad = errorCode(error) === 'SHOAL_SIGNATURE_CERTIFICATE' || errorCode(error) === 'SHOAL_BARBICAN_TYPE'
      throw isBad ? certificateFault(image, id, 'what is kept under its id is no X.509 certificate', error) : error
    })
    if (found === undefined) throw certificateFault(image, id, 'there is none of this id')
    return found
  }
}

function certificateFault(image: string, certificate: string, reason: string, cause?: unknown) {
  return seedError('SHOAL_IMAGE_SIGNATURE_CERTIFICATE', { image, certificate, reason }, cause)
}

function onOneLine(subject: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: names from certificates are shown on terminals.
  return subject.replaceAll(/[\u0000-\u001f\u007f]+/g, ', ').slice(0, 300)
}
