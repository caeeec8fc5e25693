import type { DesiredState, NodeLimits, ToldTrust } from '@shoal/api'
import type { BootProfiles } from '../boot-profiles/boot-profiles.ts'
import type { FleetLimits } from '../fleet-limits.ts'
import type { Catalogue } from '../images/catalogue.ts'
import type { RackShare, RackShares } from '../limits/rack-shares.ts'
import type { Assignments } from './assignments.ts'
import { BOOT, FILE } from './claims.ts'
import type { NodeRegistry } from './node-registry.ts'
import { wantedImages } from './wanted-images.ts'

const MAX_PEERS = 20
/** Who wants layers for disks that are served block by block, or for files that clients download. */
const SERVED_OTHERWISE = [BOOT, FILE]

/** Everything a node should hold now, with hints at who has it, and its limits. */
export function desiredState(
  node: string,
  deps: {
    assignments: Assignments
    registry: Pick<NodeRegistry, 'holders' | 'toldMode' | 'refused'>
    catalogue: Catalogue
    limits: Pick<FleetLimits, 'effective'>
    rackShares: Pick<RackShares, 'ofNode'>
    profiles: Pick<BootProfiles, 'ofLayer'>
    trust(): ToldTrust
  },
): DesiredState {
  const { assignments, registry, catalogue, limits, rackShares, profiles } = deps
  const assigned = assignments.ofNode(node)
  const wanted = assigned.flatMap(({ layer, createdAt: assignedAt, ...claim }) => {
    const record = catalogue.layer(layer)
    if (record?.state !== 'published') return []
    const { sizeBytes, infoHash, bootBytes } = record
    const peers = registry.holders(layer, { node, limit: MAX_PEERS })
    const { priority, pinnedUntil, wave, weight, limitBytesPerSecond } = claim
    const terms = { priority, pinnedUntil, wave, weight, limitBytesPerSecond, bootBytes }
    // Of a layer that has it at its beginning the order is known.
    const profile = bootBytes === 0 ? profiles.ofLayer(record.digest) : undefined
    const bootProfile = profile && { image: profile.image, revision: profile.revision }
    return [{ layer, sizeBytes, infoHash, peers, assignedAt, ...terms, ...(bootProfile && { bootProfile }) }]
  })
  const mode = registry.toldMode(node)
  const refused = registry.refused().filter((other) => other.node !== node)
  return {
    revision: assignments.revision(node),
    assignments: wanted,
    revoked: [...assignments.revoked],
    dropped: [...assignments.dropped(node)],
    limits: withShare(limits.effective.node, rackShares.ofNode(node)),
    ...(mode && { mode }),
    ...(refused.length > 0 && { refused }),
    trust: deps.trust(),
    images: wantedImages(assigned, { catalogue, unless: SERVED_OTHERWISE }),
  }
}

/** A node's limits within its part of the rack's uplink. */
function withShare(limits: NodeLimits, { up, down }: RackShare): NodeLimits {
  return {
    ...limits,
    crossRackBytesPerSecond: lower(limits.crossRackBytesPerSecond, up),
    crossRackDownBytesPerSecond: lower(limits.crossRackDownBytesPerSecond, down),
  }
}

function lower(limit: number | null, share: number | null): number | null {
  if (limit === null || share === null) return limit ?? share
  return Math.min(limit, share)
}
