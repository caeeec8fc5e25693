import type { CacheLayer } from '@shoal/api'

/**
 * The place of each layer in the order in which they would go, from 1: the lists of the API are in it. Absent: what is pinned or on its
 * way, and what is below such a layer.
 */
export function evictionOrder(layers: readonly CacheLayer[]): Map<string, number> {
  const parents = new Map(layers.map(({ layer, parent }) => [layer, parent]))
  const staying = new Set<string>()
  for (const { layer, pins, isBusy } of layers) {
    let at: string | null | undefined = pins.length > 0 || isBusy ? layer : null
    while (typeof at === 'string' && !staying.has(at)) {
      staying.add(at)
      at = parents.get(at)
    }
  }
  const going = layers.filter(({ layer }) => !staying.has(layer))
  return new Map(going.map(({ layer }, index) => [layer, index + 1]))
}
