import type { Digest } from '@shoal/core'
import type { ClaimsByNode } from '../nodes/assignments.ts'
import type { Claim } from '../nodes/claims.ts'
import type { PlanRecord } from './plan-record.ts'
import type { NodeTarget, PlanTargets } from './plan-targets.ts'

export interface ClaimContext {
  /** Layers that nodes can be told of. */
  readonly isPublished: (layer: Digest) => boolean
  /** Nothing is received now; what is there stays. */
  readonly rests: boolean
  /** What each node may receive; null: no limit. Bytes per second. */
  readonly shares: ReadonlyMap<string, number> | null
  /** What a node lacks; undefined: nothing is known of it. */
  readonly missing: (node: string) => ReadonlySet<Digest> | undefined
}

/** The claims that a plan lays on its nodes now. */
export function planClaims(plan: PlanRecord, targets: PlanTargets, context: ClaimContext): ClaimsByNode {
  const priorities = layerPriorities(plan)
  const claims = new Map<string, ReadonlyMap<Digest, Claim>>()
  for (const [node, target] of targets) {
    const limitOf = limitsOfNode(target, node, context)
    const ofNode = new Map<Digest, Claim>()
    for (const [layer, wave] of target.layers) {
      if (!context.isPublished(layer)) continue
      const { pinnedUntil, weight, priority } = plan
      const limitBytesPerSecond = limitOf(layer)
      ofNode.set(layer, { priority: priorities.get(layer) ?? priority, pinnedUntil, wave, weight, limitBytesPerSecond })
    }
    if (ofNode.size > 0) claims.set(node, ofNode)
  }
  return claims
}

/** The most urgent of the images that a layer is part of. */
export function layerPriorities({ images, chains, priority }: PlanRecord): ReadonlyMap<Digest, number> {
  const priorities = new Map<Digest, number>()
  for (const wanted of images) {
    for (const layer of chains[wanted.image] ?? []) {
      priorities.set(layer, Math.max(priorities.get(layer) ?? 0, wanted.priority ?? priority))
    }
  }
  return priorities
}

/** A limit is one of all layers of a node together, and each of them keeps its own: so one after the other has it. */
function limitsOfNode(
  { layers }: NodeTarget,
  node: string,
  { rests, shares, missing, isPublished }: ClaimContext,
): (layer: Digest) => number | null {
  if (rests) return () => 0
  if (shares === null) return () => null
  const lacking = missing(node)
  const due = [...layers]
    .filter(([layer]) => isPublished(layer) && (lacking?.has(layer) ?? true))
    .sort(([, wave], [, otherWave]) => wave - otherWave)[0]?.[0]
  return (layer) => (layer === due || !(lacking?.has(layer) ?? true) ? (shares.get(node) ?? 0) : 0)
}
