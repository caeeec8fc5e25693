import type { Digest } from '@shoal/core'
import type { Catalogue, LayerRecord } from '../images/catalogue.ts'
import { exactLayer } from '../images/exact-layer.ts'
import { chainOf, type ImageRecord } from '../images/image-record.ts'

/** What a VM of an image can be started from. */
export interface ImageForms {
  /** The base first; empty when not all of it is published. */
  readonly chain: readonly LayerRecord[]
  /** The layer with the image's own file; undefined when it is the chain, or there is none. */
  readonly file: LayerRecord | undefined
}

export function imageForms(record: ImageRecord, catalogue: Pick<Catalogue, 'layer'>): ImageForms {
  const layers = chainOf(record).map((layer: Digest) => catalogue.layer(layer))
  const published = layers.flatMap((layer) => (layer?.state === 'published' ? [layer] : []))
  const file = exactLayer(record, catalogue)
  return {
    chain: published.length === layers.length ? published : [],
    file: file === undefined || published.some(({ digest }) => digest === file.digest) ? undefined : file,
  }
}
