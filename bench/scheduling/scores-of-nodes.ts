import { busyShare, fullLayerCost, layerCost, nodeScore } from '@shoal/scheduler'
import type { SimulatedCloud } from './simulated-cloud.ts'

/** What starting a VM costs because of one layer, on each host, as the seed knows it. */
export function layerCosts(cloud: SimulatedCloud, layer: number): Float64Array {
  const { sizeBytes = 0, bootBytes = 0 } = cloud.trace.layers[layer] ?? {}
  const costs = new Float64Array(cloud.nodes.length)
  for (const [number, node] of cloud.nodes.entries()) {
    const readyAt = node.readyAt(layer)
    if (readyAt !== undefined && readyAt <= cloud.nowSeconds) continue
    const nearest = cloud.nearest(layer, node.rack)
    costs[number] = layerCost({ sizeBytes, bootBytes, heldBytes: 0, isComing: readyAt !== undefined, nearest })
  }
  return costs
}

/** The seed's scores of all hosts for an image, 0 to 1. */
export function imageScores(cloud: SimulatedCloud, image: number): Float64Array {
  const chain = cloud.trace.chains[image] ?? []
  const rows = chain.map((layer) => layerCosts(cloud, layer))
  const fullCost = chain.reduce((sum, layer) => {
    const { sizeBytes = 0, bootBytes = 0 } = cloud.trace.layers[layer] ?? {}
    return sum + fullLayerCost({ sizeBytes, bootBytes })
  }, 0)
  return Float64Array.from(cloud.nodes, (node, number) => {
    const cost = rows.reduce((sum, row) => sum + (row[number] ?? 0), 0)
    return nodeScore(cost, fullCost, busyOf(cloud, node))
  })
}

/** How busy a host is with what it receives. */
export function busyOf(cloud: SimulatedCloud, node: SimulatedCloud['nodes'][number]): number {
  const arrivingLayers = node.ioOps(cloud.nowSeconds)
  const downShare = node.linkFreeAtSeconds > cloud.nowSeconds ? 1 : 0
  return busyShare({ arrivingLayers, downShare, upShare: 0, diskShare: 0 })
}
