import type { OtherLayers } from './placement-problem.ts'

/**
 * Where an image costs less by one layer that has its own file than by the layers of its chain, all brought for it
 * alone; undefined: nowhere. Rows are costs by node. Which of both a node starts machines from is a matter of how the
 * cloud is set up, and so is what gets onto its nodes: what is there is what is used there.
 */
export function fileWhereLess(
  chain: readonly Float64Array[],
  file: Float64Array,
  layer: number,
): OtherLayers | undefined {
  const where = Uint8Array.from(file, (cost, node) => {
    const ofChain = chain.reduce((sum, row) => sum + (row[node] ?? 0), 0)
    return cost < ofChain ? 1 : 0
  })
  return where.includes(1) ? { layers: [layer], where } : undefined
}
