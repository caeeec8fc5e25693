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
  const wanted = assignments.ofNode(node).flatMap(({ layer, createdAt: assignedAt, ...claim }) => {
    const record = catalogue.layer(layer)
    if (record?.state !== 'published') return []
    const { sizeBytes, infoHash, bootBytes } = record
    const peers = registry.holders(layer, { node, limit: MAX_PEERS })
    const { priority, pinnedUntil, wave, weight, limitBytesPerSecond } = claim
    const terms = { priority, pinnedUntil, wave, weight, limitBytesPerSecond, bootBytes }
    return [{ layer, sizeBytes, infoHash, peers, assignedAt, ...terms }]
  })
  return {
    revision: assignments.revision(node),
    assignments: wanted,
    revoked: [...assignments.revoked],
    limits: limits.effective.node,
  }
}
