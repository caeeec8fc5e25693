import { createHash } from 'node:crypto'
import type { PrefetchImage } from '@shoal/api'
import type { Digest } from '@shoal/core'
import type { Demand, DemandTarget, NodeFilter, PlanLayer } from '@shoal/planner'
import type { LayerRecord } from '../images/catalogue.ts'
import type { ImageReadiness } from './plan-images.ts'
import type { PlanTerms } from './plan-record.ts'

const USUAL_PIECE_BYTES = 1024 ** 2

/** What the planner is told of an image that is not imported yet: one layer of the image's size, which nobody has. */
export function layerToCome(image: string, sizeBytes: number): PlanLayer {
  const digest: Digest = `sha256:${createHash('sha256').update(`image to come: ${image}`).digest('hex')}`
  return { digest, sizeBytes: Math.max(1, sizeBytes), bootBytes: 0, pieceLengthBytes: USUAL_PIECE_BYTES }
}

export function planLayer({ digest, parent, sizeBytes, bootBytes, pieceLengthBytes }: LayerRecord): PlanLayer {
  return { digest, sizeBytes, bootBytes, pieceLengthBytes, ...(parent === null ? {} : { parent }) }
}

/** What the planner is asked for: the images of a plan that can be had. The id of a demand is the image's. */
export function demandsOf(
  images: readonly PrefetchImage[],
  terms: PlanTerms,
  readiness: (wanted: PrefetchImage) => ImageReadiness,
  nodesWithin: (nodes: readonly string[], filter: NodeFilter) => readonly string[],
): { readonly demands: Demand[]; readonly toCome: PlanLayer[] } {
  const toCome: PlanLayer[] = []
  const demands = images.flatMap((wanted): Demand[] => {
    const state = readiness(wanted)
    if (state.kind === 'failed') return []
    const coming = state.kind === 'importing' ? layerToCome(wanted.image, state.sizeBytes) : undefined
    if (coming !== undefined) toCome.push(coming)
    const chain = state.kind === 'ready' ? state.chain : toCome.slice(-1).map(({ digest }) => digest)
    const { priority = terms.priority } = wanted
    return [{ id: wanted.image, chain, target: targetOf(wanted, nodesWithin), priority, ...timesOf(terms) }]
  })
  return { demands, toCome }
}

function targetOf(
  { nodes, vms, vmsPerNode = 1, zone, rack, aggregate }: PrefetchImage,
  nodesWithin: (nodes: readonly string[], filter: NodeFilter) => readonly string[],
): DemandTarget {
  const filter = { zone, rack, aggregate }
  if (nodes !== undefined) return { kind: 'nodes', nodes: nodesWithin(nodes, filter) }
  if (vms !== undefined) return { kind: 'vms', vms, vmsPerNode, filter }
  return { kind: 'within', filter }
}

function timesOf({ notBefore, deadline, pinnedUntil }: PlanTerms) {
  return {
    pinnedUntilMs: Date.parse(pinnedUntil),
    ...(notBefore === null ? {} : { notBeforeMs: Date.parse(notBefore) }),
    ...(deadline === null ? {} : { deadlineMs: Date.parse(deadline) }),
  }
}
