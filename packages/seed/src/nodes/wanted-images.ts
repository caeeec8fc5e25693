import type { DesiredImage } from '@shoal/api'
import type { Digest } from '@shoal/core'
import type { Catalogue } from '../images/catalogue.ts'
import { chainOf, type ImageRecord } from '../images/image-record.ts'
import type { NodeAssignment } from './assignments.ts'

type Wanted = Pick<NodeAssignment, 'layer' | 'owners'>

/**
 * The images that somebody wants on a node, the most urgent first as their layers are. A base that its owner wants only because a middle of
 * his is above it stands for no image. `unless`: owners who want layers for something else than disks that are prepared.
 */
export function wantedImages(
  assignments: readonly Wanted[],
  { catalogue, unless }: { catalogue: Pick<Catalogue, 'layer' | 'imagesOf'>; unless: readonly string[] },
): DesiredImage[] {
  const owners = new Map(
    assignments.map(({ layer, owners = [] }) => [layer, owners.filter((owner) => !unless.includes(owner))]),
  )
  const explained = new Map<string, Set<string>>()
  for (const [layer, wanting] of owners) {
    const parent = catalogue.layer(layer)?.parent ?? null
    if (parent === null) continue
    explained.set(parent, new Set([...(explained.get(parent) ?? []), ...wanting]))
  }
  const tops = new Set<string>()
  for (const [layer, wanting] of owners) {
    if (wanting.some((owner) => !explained.get(layer)?.has(owner))) tops.add(layer)
  }
  const images = new Map<string, DesiredImage>()
  for (const top of tops) {
    for (const record of catalogue.imagesOf(top as Digest)) {
      const layers = topsOf(record).filter((layer) => tops.has(layer))
      if (layers.length > 0) images.set(record.image.id, { image: record.image.id, layers })
    }
  }
  return [...images.values()]
}

/** Layers that show the disk of an image: the library's own file first, since a copy of it costs least. */
function topsOf(record: ImageRecord): Digest[] {
  const top = chainOf(record).at(-1)
  return [...new Set([record.layer, top].filter((layer) => layer !== null && layer !== undefined))]
}
