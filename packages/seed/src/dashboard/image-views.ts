import type { Image } from '@shoal/api'
import type { Catalogue } from '../images/catalogue.ts'
import { type ImageRecord, toApiImage } from '../images/image-record.ts'
import type { Importer } from '../imports/importer.ts'
import type { Layerings } from '../layers/layerings.ts'

export interface ImageViewsDeps {
  readonly catalogue: Pick<Catalogue, 'images'>
  readonly importer: Pick<Importer, 'progress'>
  readonly layerings: Pick<Layerings, 'progress'>
}

/** Makes the function that gives all images as the API shows them; one that nothing happens to is the same object each time. */
export function imageViews({ catalogue, importer, layerings }: ImageViewsDeps): () => Image[] {
  const still = new WeakMap<ImageRecord, Image>()
  const view = (record: ImageRecord): Image => {
    const { id } = record.image
    const live = { import: importer.progress(id), layering: layerings.progress(id) }
    if (live.import !== undefined || live.layering !== undefined) return toApiImage(record, live)
    const known = still.get(record) ?? toApiImage(record, live)
    still.set(record, known)
    return known
  }
  return () => catalogue.images().map(view)
}
