import type { Digest } from '@shoal/core'
import type { Demand, Fleet, FleetNode, PlanLayer, PlannerInput } from '@shoal/planner'

export const MB = 1e6
export const NOW_MS = 1_700_000_000_000

export function digest(number: number): Digest {
  return `sha256:${number.toString(16).padStart(64, '0')}`
}

export function layer(number: number, rest: Partial<PlanLayer> = {}): PlanLayer {
  return { digest: digest(number), sizeBytes: 100 * MB, bootBytes: 0, pieceLengthBytes: MB, ...rest }
}

export function node(name: string, rest: Partial<FleetNode> = {}): FleetNode {
  return {
    node: name,
    upBytesPerSecond: 10 * MB,
    downBytesPerSecond: 10 * MB,
    freeCacheBytes: 1000 * MB,
    holds: [],
    isAlive: true,
    ...rest,
  }
}

/** Nodes n0, n1, ... */
export function nodes(
  count: number,
  rest: Partial<FleetNode> | ((index: number) => Partial<FleetNode>) = {},
): FleetNode[] {
  return Array.from({ length: count }, (_, index) => node(`n${index}`, typeof rest === 'function' ? rest(index) : rest))
}

/** The seed has all layers, unless the test says otherwise. */
export function fleet(layers: readonly PlanLayer[], rest: Partial<Fleet> = {}): Fleet {
  const holds = layers.map((one) => ({ layer: one.digest, heldBytes: one.sizeBytes }))
  const seed = { upBytesPerSecond: 10 * MB, libraryBytesPerSecond: 10 * MB, holds }
  return { nodes: nodes(4), racks: [], seed, ...rest }
}

export function demand(id: string, chain: readonly number[], rest: Partial<Demand> = {}): Demand {
  return { id, chain: chain.map(digest), target: { kind: 'within', filter: {} }, priority: 50, ...rest }
}

/** One layer, wanted by every node, unless the test says otherwise. */
export function input(rest: Partial<PlannerInput> = {}): PlannerInput {
  const layers = rest.layers ?? [layer(1)]
  return { nowMs: NOW_MS, layers, fleet: fleet(layers), demands: [demand('d', [1])], ...rest }
}
