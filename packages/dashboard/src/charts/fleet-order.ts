import type { NodeRow } from '@shoal/api'
import { placeName } from '../format/names.ts'

/** Rack 2 before rack 10. */
const collator = new Intl.Collator('en', { numeric: true })
let ranks: ReadonlyMap<string, number> = new Map()

/**
 * Nodes by zone, rack and name. Comparing names as people do takes long for ten thousand of them, so the order is kept: it is made anew
 * only when a node comes that has no place in it.
 */
export function inFleetOrder(nodes: readonly NodeRow[]): NodeRow[] {
  const keyOf = (node: NodeRow) => `${placeName(node)}\n${node.id}`
  const keyed = nodes.map((node) => ({ node, key: keyOf(node) }))
  if (keyed.some(({ key }) => !ranks.has(key))) {
    const keys = [...new Set([...ranks.keys(), ...keyed.map(({ key }) => key)])].sort(collator.compare)
    ranks = new Map(keys.map((key, rank) => [key, rank]))
  }
  const rankOf = ({ key }: { key: string }) => ranks.get(key) ?? 0
  return keyed.sort((a, b) => rankOf(a) - rankOf(b)).map(({ node }) => node)
}
