import type { LayerInventory } from './node.ts'

/** What a node tells of a layer as one text, the same wherever it is made; of it the digests of reports are made. */
export function inventoryText(layer: LayerInventory): string {
  const { digest, state, presentBytes, sizeBytes, fromOriginBytes, fromPeersBytes, uploadedBytes, peers, error } = layer
  const { evictedAssignment = null, isPinned = null } = layer
  const told = error === null ? null : [error.code, error.message, error.hint, Object.entries(error.details).sort()]
  const counters = [fromOriginBytes, fromPeersBytes, uploadedBytes, peers]
  return JSON.stringify([digest, state, presentBytes, sizeBytes, ...counters, evictedAssignment, isPinned, told])
}
