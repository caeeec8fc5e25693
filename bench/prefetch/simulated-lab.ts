import type { Layer } from '@shoal/api'
import { parseDigest } from '@shoal/core'
import { createPlan, type PlannerInput, simulate } from '@shoal/planner'
import type { PrefetchGround } from './prefetch-ground.ts'

const MB = 1e6

/**
 * The same distribution in the planner's simulator, each node by itself: seconds from the start until each node has the layer. It knows of
 * the lab what the seed is told of it, and nothing of what was measured.
 */
export function simulateLab(
  ground: PrefetchGround,
  layer: Layer,
  { isImported }: { isImported: boolean },
): ReadonlyMap<string, number> {
  const input = plannerInputOf(ground, layer, { isImported })
  const { nodes } = simulate(input, createPlan(input))
  return new Map(nodes.map(({ node, finishMs }) => [node, ((finishMs ?? Number.NaN) - input.nowMs) / 1000]))
}

function plannerInputOf(
  { setup, size, goodput }: PrefetchGround,
  layer: Layer,
  { isImported }: { isImported: boolean },
): PlannerInput {
  const digest = parseDigest(layer.digest)
  const uplink = (setup.uplinkBytesPerSecond ?? Number.POSITIVE_INFINITY) * goodput
  const racks = [...new Set(setup.peers.map(({ rack }) => rack ?? ''))]
  return {
    nowMs: 0,
    fleet: {
      nodes: setup.peers.map(({ node, rack, bytesPerSecond }) => ({
        ...{ node, rack, zone: 'zone', holds: [], isAlive: true, freeCacheBytes: 2 * layer.sizeBytes },
        ...{ upBytesPerSecond: bytesPerSecond * goodput, downBytesPerSecond: bytesPerSecond * goodput },
      })),
      racks: racks.map((rack) => ({ rack, inBytesPerSecond: uplink, outBytesPerSecond: uplink })),
      seed: {
        upBytesPerSecond: setup.seedBytesPerSecond * goodput,
        libraryBytesPerSecond: size.libraryMBPerSecond * MB * goodput,
        holds: isImported ? [{ layer: digest, heldBytes: layer.sizeBytes }] : [],
      },
    },
    layers: [{ digest, sizeBytes: layer.sizeBytes, bootBytes: 0, pieceLengthBytes: layer.pieceLengthBytes }],
    demands: [{ id: 'image', chain: [digest], target: { kind: 'within', filter: {} }, priority: 50 }],
    limits: { libraryBytesPerSecond: size.ingestMBPerSecond * MB },
  }
}
