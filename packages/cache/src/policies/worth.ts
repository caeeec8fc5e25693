import type { CacheEntry, CacheFacts } from '../cache-entry.ts'
import { refetchCost } from '../refetch-cost.ts'

/**
 * Our own: what a byte of it is expected to save at this node's next use. How likely that use is, is foretold by this
 * node's uses and by those of the cluster, each trusted as far as it was right so far; what it would cost is where the
 * layer would come from now.
 */
export function worth(entry: CacheEntry, { clusterWeight }: CacheFacts): number {
  const share = (1 - clusterWeight) * entry.ownShare + clusterWeight * entry.clusterShare
  // A layer of which nothing has arrived yet has no bytes, and is worth nothing.
  return (share * refetchCost(entry)) / Math.max(1, entry.sizeBytes)
}
