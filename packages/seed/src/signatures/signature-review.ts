import { type Digest, errorCode, errorMessage, type Logger } from '@shoal/core'
import type { LayerStore } from '@shoal/layer-store'
import { seedError } from '../errors.ts'
import type { EventJournal } from '../events/event-journal.ts'
import type { Catalogue } from '../images/catalogue.ts'
import { exactLayer } from '../images/exact-layer.ts'
import { type ImageRecord, layersOf, type SignatureVerdict } from '../images/image-record.ts'
import type { Publication } from '../images/publication.ts'
import type { ImportObserver } from '../imports/import-runner.ts'
import { hashLayer } from '../layers/hash-layer.ts'
import type { Layerings } from '../layers/layerings.ts'
import type { ImageSignatures } from './image-signatures.ts'
import { recordVerdict } from './record-verdict.ts'

export interface SignatureReviewDeps {
  readonly signatures: ImageSignatures
  readonly catalogue: Catalogue
  readonly journal: EventJournal
  readonly store: Pick<LayerStore, 'get'>
  readonly publication: Pick<Publication, 'settle'>
  readonly layerings: Pick<Layerings, 'cancel'>
  readonly observer: Pick<ImportObserver, 'onSignature'>
  readonly logger: Logger
}

/**
 * Looks again at images that are published already: their signature properties changed, or the policy did. The bytes are read from
 * the seed's own copy, one image at a time. What is refused is taken back; what cannot be judged, because the key manager does not answer,
 * stays as it is until it is considered the next time.
 */
export class SignatureReview {
  readonly #deps: SignatureReviewDeps
  readonly #waiting = new Set<string>()
  readonly #stopping = new AbortController()
  #running: Promise<void> = Promise.resolve()

  constructor(deps: SignatureReviewDeps) {
    this.#deps = deps
  }

  /** Has an image looked at if that is needed; asking again is harmless. */
  consider(id: string): void {
    if (this.#openRecord(id) === undefined || this.#waiting.has(id) || this.#stopping.signal.aborted) return
    this.#waiting.add(id)
    this.#running = this.#running.then(() => this.#review(id)).finally(() => this.#waiting.delete(id))
  }

  /** Resolves when nothing waits to be looked at. */
  settled(): Promise<void> {
    return this.#running
  }

  /** Stops looking; what is left is considered again after the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the seed is stopping'))
    await this.#running
  }

  #openRecord(id: string): ImageRecord | undefined {
    const { catalogue, signatures } = this.#deps
    const record = catalogue.image(id)
    const isHeld = record?.layer !== null && record?.deletedAt === null && record.image.status === 'active'
    return isHeld && signatures.isOpen(record.image, record.signature) ? record : undefined
  }

  async #review(id: string): Promise<void> {
    const { catalogue, signatures, observer, logger } = this.#deps
    const record = this.#openRecord(id)
    if (record === undefined || this.#stopping.signal.aborted) return
    try {
      const verdict = await this.#judge(record).catch((error: unknown) => {
        const refusal = signatures.refusalOf(record.image, error)
        if (refusal === undefined) throw error
        return refusal
      })
      const now = catalogue.image(id)
      // It changed meanwhile: whoever changed it has it considered again.
      if (verdict === undefined || now === undefined || now.layer !== record.layer) return
      observer.onSignature(verdict.state)
      if (verdict.state === 'verified') await recordVerdict(this.#deps, { ...now, signature: verdict })
      else await this.#takeBack(now, verdict)
    } catch (error) {
      if (this.#stopping.signal.aborted) return
      const code = errorCode(error)
      logger.warn(
        { image: id, code, reason: errorMessage(error) },
        'the signature of a published image cannot be judged',
      )
    }
  }

  /** What is found of the image's signature; `undefined` when the seed's own copy is not what it was. */
  async #judge(record: ImageRecord): Promise<SignatureVerdict | undefined> {
    const { catalogue, signatures, store, logger } = this.#deps
    const { image } = record
    const { signal } = this.#stopping
    const claimed = await signatures.claimOf(image, { signal })
    if (claimed === undefined) return undefined
    const layer = exactLayer(record, catalogue)
    if (layer === undefined) throw seedError('SHOAL_IMAGE_SIGNATURE_STALE', { image: image.id })
    const stored = store.get(layer.digest as Digest)
    if (!stored?.isComplete) return undefined
    const { manifest, path } = stored
    const { parameters: signature } = claimed
    const hashes = await hashLayer(image.id, path, { geometry: manifest, signal, signature })
    if (`sha256:${Buffer.from(hashes.sha256).toString('hex')}` !== layer.digest) {
      logger.error({ image: image.id, layer: layer.digest }, 'a stored layer is damaged, its signature is not judged')
      return undefined
    }
    return claimed.conclude(hashes.isSigned)
  }

  /** Withdraws what was made of the image. It is imported again when somebody asks, or by a rule once it claims something else. */
  async #takeBack(before: ImageRecord, verdict: SignatureVerdict): Promise<void> {
    const { catalogue, layerings, publication } = this.#deps
    const { id } = before.image
    const { code = '', message = '' } = verdict.error ?? {}
    await layerings.cancel(id, seedError('SHOAL_LAYERING_NOT_IMPORTED', { image: id }))
    const record = catalogue.image(id)
    if (record === undefined) return
    this.#deps.logger.warn({ image: id, code, reason: message }, 'an image is taken back for its signature')
    const past = record.import && { ...record.import, state: 'failed' as const, error: verdict.error }
    await recordVerdict(this.#deps, { ...record, layer: null, chain: null, import: past, signature: verdict })
    // A middle goes before its base.
    for (const layer of layersOf(record).toReversed()) await publication.settle(layer)
  }
}
