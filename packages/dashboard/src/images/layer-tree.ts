import type { Layer } from '@shoal/api'

export interface LayerRow {
  readonly layer: Layer
  /** 0 of a base, 1 of a middle on the base above it. */
  readonly depth: 0 | 1
}

/** Bases, the newest first, each followed by the middles on it. */
export function layerTree(layers: readonly Layer[]): LayerRow[] {
  const newest = [...layers].sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1))
  const known = new Set(layers.map(({ digest }) => digest))
  const middles = Map.groupBy(newest, ({ parent }) => parent)
  const roots = newest.filter(({ parent }) => parent === null || !known.has(parent))
  return roots.flatMap((layer): LayerRow[] => [
    { layer, depth: 0 },
    ...(middles.get(layer.digest) ?? []).map((middle) => ({ layer: middle, depth: 1 as const })),
  ])
}
