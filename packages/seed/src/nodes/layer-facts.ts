import type { Inventory, LayerFacts } from '@shoal/api'
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
  },
): LayerFacts[] {
  const { catalogue, registry, popularity } = deps
  return layers.flatMap(({ digest: layer }) => {
    const record = catalogue.layer(layer)
    if (record === undefined) return []
    const { bootBytes } = record
    return [{ layer, useShare: popularity.share(layer), replicas: registry.replicas(layer, node), bootBytes }]
  })
}
