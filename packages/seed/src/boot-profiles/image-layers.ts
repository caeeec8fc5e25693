import { blockCount } from '@shoal/core'
import type { Catalogue } from '../images/catalogue.ts'
import { chainOf, type ImageRecord } from '../images/image-record.ts'
import type { ProfileLayer } from './profile-record.ts'

/** The layers of an image that may be booted, the base first; `undefined` while there are none. */
export function imageLayers(
  record: ImageRecord | undefined,
  catalogue: Pick<Catalogue, 'layer'>,
): readonly ProfileLayer[] | undefined {
  if (record === undefined || record.deletedAt !== null || record.image.status !== 'active') return undefined
  const digests = chainOf(record)
  const layers = digests.flatMap((digest) => {
    const layer = catalogue.layer(digest)
    if (layer?.state !== 'published') return []
    const { sizeBytes, blockLengthBytes } = layer
    return [{ digest, sizeBytes, blockLengthBytes, blocks: blockCount(layer) }]
  })
  return layers.length === digests.length && layers.length > 0 ? layers : undefined
}
