/** A busy node is worth less by at most this share: what is there would have to be fetched elsewhere. */
const BUSY_WEIGHT = 0.5

/**
 * How well a VM of an image starts on a node, 0 to 1: the part of the image's full cost that is saved there, less where
 * the node is busy. `cost` and `fullCost` are sums over the layers of the image.
 */
export function nodeScore(cost: number, fullCost: number, busyShare: number): number {
  const saved = fullCost === 0 ? 1 : Math.max(0, 1 - cost / fullCost)
  return saved * (1 - BUSY_WEIGHT * busyShare)
}
