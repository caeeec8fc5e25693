import type { Digest } from '@shoal/core'
import type { Plan } from '@shoal/planner'

/** What a plan wants on one node. */
export interface NodeTarget {
  /** By layer: the wave in which it goes. */
  readonly layers: ReadonlyMap<Digest, number>
  /** VMs that have their place there. */
  readonly vms: number
  /** Unix time in milliseconds; null: never. */
  readonly predictedFinishMs: number | null
}

export type PlanTargets = ReadonlyMap<string, NodeTarget>

/** Targets as they are stored: layers by number, so that ten thousand nodes stay small. */
export interface StoredTargets {
  readonly layers: readonly Digest[]
  readonly nodes: readonly {
    readonly node: string
    readonly vms: number
    readonly predictedFinishMs: number | null
    /** Number of a layer and its wave, in turns. */
    readonly wants: readonly number[]
  }[]
}

export const TARGETS = 'seed/plan-targets/'

/** What a plan wants of each of its nodes, and what it wanted of those that are `away` and that it therefore does not name. */
export function targetsOfPlan(plan: Plan, before: PlanTargets, away: ReadonlySet<string>): PlanTargets {
  const layers = new Map<string, Map<Digest, number>>()
  for (const { node, layer, wave } of plan.assignments) {
    const wanted = layers.get(node)
    if (wanted === undefined) layers.set(node, new Map([[layer, wave]]))
    else wanted.set(layer, wave)
  }
  const vms = new Map<string, number>()
  for (const placement of plan.placements) {
    vms.set(placement.node, (vms.get(placement.node) ?? 0) + placement.vms)
  }
  const finish = new Map(plan.predicted.nodes.map(({ node, finishMs }) => [node, finishMs ?? null]))
  const targets = new Map<string, NodeTarget>()
  for (const [node, wanted] of layers) {
    targets.set(node, { layers: wanted, vms: vms.get(node) ?? 0, predictedFinishMs: finish.get(node) ?? null })
  }
  for (const [node, target] of before) if (away.has(node) && !targets.has(node)) targets.set(node, target)
  return targets
}

export function storedTargets(targets: PlanTargets): StoredTargets {
  const numbers = new Map<Digest, number>()
  const numberOf = (layer: Digest): number => {
    const known = numbers.get(layer)
    if (known !== undefined) return known
    numbers.set(layer, numbers.size)
    return numbers.size - 1
  }
  const nodes = [...targets].map(([node, { layers, vms, predictedFinishMs }]) => {
    return { node, vms, predictedFinishMs, wants: [...layers].flatMap(([layer, wave]) => [numberOf(layer), wave]) }
  })
  return { layers: [...numbers.keys()], nodes }
}

export function readTargets({ layers, nodes }: StoredTargets): PlanTargets {
  return new Map(
    nodes.map(({ node, wants, ...rest }) => {
      const wanted = new Map<Digest, number>()
      for (let at = 0; at + 1 < wants.length; at += 2) {
        const layer = layers[wants[at] ?? -1]
        if (layer !== undefined) wanted.set(layer, wants[at + 1] ?? 0)
      }
      return [node, { layers: wanted, ...rest }]
    }),
  )
}
