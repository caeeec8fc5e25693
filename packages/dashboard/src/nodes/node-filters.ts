import type { NodeRow } from '@shoal/api'

/** Which nodes to show; the names are those of troubles and of health reasons. */
export const NODE_FILTERS = [
  ['', 'All nodes'],
  ['troubled', 'In trouble'],
  ['fetching', 'Fetching'],
  ['lost', 'Lost'],
  ['disconnected', 'Disconnected'],
  ['unreachable', 'Unreachable'],
  ['failed', 'Gave a layer up'],
  ['stuck', 'Stuck'],
  ['no-source', 'Without a source'],
  ['slow', 'Slow'],
  ['full', 'Full'],
  ['draining', 'Draining or drained'],
  ['quarantined', 'In quarantine'],
] as const

const FULL_SHARE = 0.9

export function isInFilter(node: NodeRow, filter: string): boolean {
  if (filter === '') return true
  if (filter === 'draining' || filter === 'quarantined') return node.mode === filter
  if (filter === 'troubled') return node.trouble !== null
  if (filter === 'fetching') return node.fetching > 0
  if (filter === 'full') return node.capacityBytes > 0 && node.usedBytes >= node.capacityBytes * FULL_SHARE
  // Nobody misses a node that was drained.
  return node.trouble !== null && (node.trouble.code === filter || node.state === filter)
}
