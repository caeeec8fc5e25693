import type { Catalogue, LayerRecord } from './catalogue.ts'
import type { ImageRecord } from './image-record.ts'

/**
 * The layer that has an image's bytes as the library has them, if it is published: what was imported as it is. The head
 * of an operator's middle was written anew.
 */
export function exactLayer(
  { image, layer }: ImageRecord,
  catalogue: Pick<Catalogue, 'layer'>,
): LayerRecord | undefined {
  const found = layer === null ? undefined : catalogue.layer(layer)
  const isExact = found?.state === 'published' && found.parent === null && found.sizeBytes === image.sizeBytes
  return isExact ? found : undefined
}
