import { FleetHolders } from './fleet-holders.ts'
import type { Trace } from './trace.ts'

/** What decides in the cache of one node. Layers are indices of the trace. */
export interface Decider {
  /** A layer is used that is held, or is fetched for it now. `start` is an index of the trace. */
  used(layer: number, held: ReadonlySet<number>, start: number): void
  /** What goes whether or not space is needed, in that order. */
  expired?(held: ReadonlySet<number>, start: number): readonly number[]
  /** What goes so that so many bytes become free, in that order; `stays` is what the start itself needs. */
  choose(held: ReadonlySet<number>, wantedBytes: number, stays: readonly number[], start: number): readonly number[]
}

/** What the caches of a fleet made of a trace. */
export interface ReplayResult {
  readonly starts: number
  /** Starts for which all layers were there. */
  readonly hits: number
  readonly bytes: number
  readonly hitBytes: number
  /** Fetched, by where the nearest copy was. */
  readonly rackBytes: number
  readonly zoneBytes: number
  readonly elsewhereBytes: number
  readonly seedBytes: number
  readonly evictions: number
}

/** Replays a trace over nodes with a cache each; a layer for which there is no room at all is passed through. */
export function replay(
  trace: Trace,
  capacityBytes: number,
  createDecider: (node: number, holders: FleetHolders) => Decider,
): ReplayResult {
  const { layers, images } = trace
  const holders = new FleetHolders(trace)
  const caches = Array.from({ length: trace.nodes }, (_, node) => {
    return { decider: createDecider(node, holders), held: new Set<number>(), usedBytes: 0 }
  })
  const result = {
    ...{ starts: trace.times.length, hits: 0, bytes: 0, hitBytes: 0 },
    ...{ rackBytes: 0, zoneBytes: 0, elsewhereBytes: 0, seedBytes: 0, evictions: 0 },
  }
  for (let start = 0; start < trace.times.length; start += 1) {
    const node = trace.node[start] ?? 0
    const chain = images[trace.image[start] ?? 0] ?? []
    const cache = caches[node]
    if (cache === undefined) throw new TypeError(`there is no node ${node}`)
    const evict = (gone: readonly number[]) => {
      for (const layer of gone) {
        cache.held.delete(layer)
        cache.usedBytes -= layers[layer]?.sizeBytes ?? 0
        holders.change(node, layer, -1)
      }
      result.evictions += gone.length
    }
    if (cache.decider.expired !== undefined) evict(cache.decider.expired(cache.held, start))
    let isHit = true
    // The base first: a middle is of no use without it.
    for (const layer of chain.toReversed()) {
      const sizeBytes = layers[layer]?.sizeBytes ?? 0
      result.bytes += sizeBytes
      if (cache.held.has(layer)) {
        result.hitBytes += sizeBytes
        cache.decider.used(layer, cache.held, start)
        continue
      }
      isHit = false
      const { rack, zone, elsewhere } = holders.replicas(layer, node)
      if (rack > 0) result.rackBytes += sizeBytes
      else if (zone > 0) result.zoneBytes += sizeBytes
      else if (elsewhere > 0) result.elsewhereBytes += sizeBytes
      else result.seedBytes += sizeBytes
      const wantedBytes = cache.usedBytes + sizeBytes - capacityBytes
      if (sizeBytes <= capacityBytes && wantedBytes > 0) {
        evict(cache.decider.choose(cache.held, wantedBytes, chain, start))
      }
      if (cache.usedBytes + sizeBytes > capacityBytes) continue
      cache.decider.used(layer, cache.held, start)
      cache.held.add(layer)
      cache.usedBytes += sizeBytes
      holders.change(node, layer, 1)
    }
    if (isHit) result.hits += 1
  }
  return result
}
