import type { Actor, ErrorBody, PrefetchImage } from '@shoal/api'
import type { Digest } from '@shoal/core'
import { seedError } from '../errors.ts'
import type { Catalogue } from '../images/catalogue.ts'
import { exactLayer } from '../images/exact-layer.ts'
import { chainOf, type ImageRecord, toErrorBody } from '../images/image-record.ts'
import { checkActive } from '../imports/import-image.ts'
import type { Importer, ImportWish } from '../imports/importer.ts'
import type { Layerings } from '../layers/layerings.ts'
import type { PlanRecord } from './plan-record.ts'

/** Whether an image's layers can be given to nodes. */
export type ImageReadiness =
  | { readonly kind: 'ready'; readonly chain: readonly Digest[] }
  /** It is being imported or its layers are being made; `isAsked` is false as long as nobody has asked for it. */
  | { readonly kind: 'importing'; readonly sizeBytes: number; readonly isAsked: boolean }
  | { readonly kind: 'failed'; readonly error: ErrorBody }

export interface PlanImagesDeps {
  readonly catalogue: Catalogue
  readonly importer: Pick<Importer, 'progress' | 'request' | 'cancel'>
  readonly layerings: Pick<Layerings, 'progress'>
}

/** The images of plans: what they resolve to, and their import where they are not there yet. */
export class PlanImages {
  readonly #deps: PlanImagesDeps

  constructor(deps: PlanImagesDeps) {
    this.#deps = deps
  }

  name(image: string): string {
    return this.#deps.catalogue.image(image)?.image.name ?? image
  }

  /** Throws `SHOAL_PLAN_NO_FILE` for the file of an image that turned out to have none. */
  checkForm({ image, form }: Pick<PrefetchImage, 'image' | 'form'>): void {
    const record = this.#deps.catalogue.image(image)
    if (form === 'file' && record !== undefined && this.#hasNoFile(record)) {
      throw seedError('SHOAL_PLAN_NO_FILE', { image })
    }
  }

  /**
   * How far an image of a plan is. What it is booted from, as it resolved to once, stays what the plan wants, also when it gets other
   * layers later, for nodes have parts of it; unless those were withdrawn.
   */
  readiness(
    { image, form }: Pick<PrefetchImage, 'image' | 'form'>,
    plan: Pick<PlanRecord, 'chains' | 'imports'>,
  ): ImageReadiness {
    const { catalogue, importer, layerings } = this.#deps
    const record = catalogue.image(image)
    if (record === undefined || record.deletedAt !== null) return failed(seedError('SHOAL_IMAGE_DELETED', { image }))
    try {
      checkActive(image, record.image)
    } catch (error) {
      return failed(error)
    }
    const isImporting = importer.progress(image) !== undefined
    const isBusy = isImporting || (form !== 'file' && layerings.progress(image) !== undefined)
    if (form === 'file') {
      const file = exactLayer(record, catalogue)
      if (file !== undefined) return { kind: 'ready', chain: [file.digest as Digest] }
      if (!isBusy && this.#hasNoFile(record)) return failed(seedError('SHOAL_PLAN_NO_FILE', { image }))
    } else {
      const { [image]: before } = plan.chains
      const chain = before !== undefined && this.#isPublished(before) ? before : chainOf(record)
      if ((chain === before || !isBusy) && this.#isPublished(chain)) return { kind: 'ready', chain }
    }
    const { state, error } = record.import ?? {}
    const isAsked = plan.imports.includes(image)
    if (!isBusy && isAsked && (state === 'failed' || state === 'cancelled')) {
      const reason = seedError('SHOAL_IMPORT_NOT_RUNNING', { image })
      return { kind: 'failed', error: error ?? toErrorBody(reason) }
    }
    return { kind: 'importing', sizeBytes: record.image.sizeBytes ?? 0, isAsked: isBusy || isAsked }
  }

  /** Asks for the import of an image that is not there. Throws `SHOAL_IMAGE_*` and `SHOAL_IMPORT_QUEUE_FULL`. */
  async request(image: string, wish: ImportWish): Promise<void> {
    const record = this.#deps.catalogue.image(image)
    if (record === undefined) throw seedError('SHOAL_IMAGE_UNKNOWN', { image })
    await this.#deps.importer.request(record.image, wish)
  }

  /** Ends an import that nobody needs any more. */
  async cancel(image: string, reason: Error, actor?: Actor): Promise<void> {
    await this.#deps.importer.cancel(image, reason, actor)
  }

  #hasNoFile(record: ImageRecord): boolean {
    const { catalogue } = this.#deps
    return this.#isPublished(record.layer === null ? [] : [record.layer]) && exactLayer(record, catalogue) === undefined
  }

  #isPublished(chain: readonly Digest[]): boolean {
    return chain.length > 0 && chain.every((layer) => this.#deps.catalogue.layer(layer)?.state === 'published')
  }
}

function failed(error: unknown): ImageReadiness {
  return { kind: 'failed', error: toErrorBody(error) }
}
