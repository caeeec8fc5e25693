import type { Inventory, LayerFacts } from '@shoal/api'
import type { BootProfiles } from '../boot-profiles/boot-profiles.ts'
import type { Catalogue } from '../images/catalogue.ts'
import type { NodeRegistry } from './node-registry.ts'
import type { Popularity } from './popularity.ts'

/** What the cache of a node goes by, of each layer that it reports and that is known; the cost is that of the inventory alone. */
export function layerFacts(
  node: string,
  { layers }: Pick<Inventory, 'layers'>,
  deps: {
    catalogue: Pick<Catalogue, 'layer'>
    registry: Pick<NodeRegistry, 'replicas'>
    popularity: Pick<Popularity, 'share'>
    profiles: Pick<BootProfiles, 'ofLayer'>
  },
): LayerFacts[] {
  const { catalogue, registry, popularity, profiles } = deps
  return layers.flatMap(({ digest: layer }) => {
    const record = catalogue.layer(layer)
    if (record === undefined) return []
    const facts = { layer, useShare: popularity.share(layer), replicas: registry.replicas(layer, node) }
    // Where it is not at the beginning of the file, the profile says what a boot reads.
    const profile = record.bootBytes === 0 ? profiles.ofLayer(record.digest) : undefined
    if (profile === undefined) return [{ ...facts, bootBytes: record.bootBytes }]
    const { image, revision, bytes: bootBytes } = profile
    return [{ ...facts, bootBytes, bootProfile: { image, revision } }]
  })
}
