import type { Layer } from '@shoal/api'
import type { Catalogue, LayerRecord } from './images/catalogue.ts'
import type { Assignments } from './nodes/assignments.ts'
import type { NodeRegistry } from './nodes/node-registry.ts'
import type { UploadTally } from './upload-tally.ts'

export interface LayerViewDeps {
  readonly catalogue: Catalogue
  readonly assignments: Pick<Assignments, 'countByLayer'>
  readonly registry: Pick<NodeRegistry, 'holdings'>
  readonly tally: UploadTally
}

/** More images of one layer than the API shows do not occur by accident. */
const MAX_IMAGES = 1000

/** Layers as the API shows them. */
export function viewLayers(records: readonly LayerRecord[], deps: LayerViewDeps): Layer[] {
  const { catalogue, assignments, registry, tally } = deps
  const assigned = assignments.countByLayer()
  return records.map(({ bootBytes: _, ...record }) => {
    const images = catalogue.imagesOf(record.digest).slice(0, MAX_IMAGES)
    const uploadedBytes = tally.read(record.digest)
    const { complete, partial } = registry.holdings(record.digest)
    return {
      ...record,
      images: images.map(({ image }) => image.id),
      uploadedBytes,
      seedCopies: uploadedBytes / record.sizeBytes,
      nodesAssigned: assigned.get(record.digest) ?? 0,
      nodesComplete: complete,
      nodesPartial: partial,
    }
  })
}
