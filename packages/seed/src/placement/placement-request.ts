import { MAX_PLACED_VMS, type PlacementRequest } from '@shoal/api'
import { seedError } from '../errors.ts'
import type { NodeReport } from '../nodes/node-entry.ts'

/** Throws `SHOAL_PLACEMENT_REQUEST` for what the schema cannot say. */
export function checkRequest({ images, nodes = [] }: PlacementRequest): void {
  const fail = (reason: string) => seedError('SHOAL_PLACEMENT_REQUEST', { reason, most: MAX_PLACED_VMS })
  const image = firstTwice(images.map((wanted) => wanted.image))
  if (image !== undefined) throw fail(`image ${image} is named twice`)
  const node = firstTwice(nodes.map((named) => named.node))
  if (node !== undefined) throw fail(`node ${node} is named twice`)
  const vms = images.reduce((sum, wanted) => sum + wanted.vms, 0)
  if (vms > MAX_PLACED_VMS) throw fail(`${vms} VMs are asked for`)
}

/** Whether a node comes into question. */
export function nodeTest({ nodes, zone, rack, aggregate }: PlacementRequest): (node: NodeReport) => boolean {
  const named = nodes === undefined ? undefined : new Set(nodes.map(({ node }) => node))
  return (node) => {
    if (named !== undefined && !named.has(node.id)) return false
    if (zone !== undefined && node.zone !== zone) return false
    if (rack !== undefined && node.rack !== rack) return false
    return aggregate === undefined || (node.aggregates?.includes(aggregate) ?? false)
  }
}

/** Which nodes were asked for, for people. */
export function describeNodes({ nodes, zone, rack, aggregate }: PlacementRequest): string {
  const parts = [
    nodes === undefined ? [] : [`${nodes.length} named nodes`],
    zone === undefined ? [] : [`zone ${zone}`],
    rack === undefined ? [] : [`rack ${rack}`],
    aggregate === undefined ? [] : [`aggregate ${aggregate}`],
  ].flat()
  return parts.length === 0
    ? 'no active node has reported within three heartbeats'
    : `none is left of ${parts.join(', ')}`
}

function firstTwice(names: readonly string[]): string | undefined {
  const seen = new Set<string>()
  return names.find((name) => seen.size === seen.add(name).size)
}
