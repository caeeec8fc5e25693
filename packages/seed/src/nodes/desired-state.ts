import type { DesiredState } from '@shoal/api'
import type { FleetLimits } from '../fleet-limits.ts'
import type { Catalogue } from '../images/catalogue.ts'
import type { Assignments } from './assignments.ts'
import type { NodeRegistry } from './node-registry.ts'

const MAX_PEERS = 20

/** Everything a node should hold now, with hints at who has it, and its limits. */
export function desiredState(
  node: string,
  deps: {
    assignments: Assignments
    registry: NodeRegistry
    catalogue: Catalogue
    limits: Pick<FleetLimits, 'effective'>
  },
): DesiredState {
  const { assignments, registry, catalogue, limits } = deps
  const wanted = assignments.ofNode(node).flatMap(({ layer, priority, createdAt: assignedAt, pinnedUntil }) => {
    const record = catalogue.layer(layer)
    if (record?.state !== 'published') return []
    const { sizeBytes, infoHash } = record
    const peers = registry.holders(layer, { node, limit: MAX_PEERS })
    return [{ layer, priority, sizeBytes, infoHash, peers, assignedAt, pinnedUntil }]
  })
  return {
    revision: assignments.revision(node),
    assignments: wanted,
    revoked: [...assignments.revoked],
    limits: limits.effective.node,
  }
}
