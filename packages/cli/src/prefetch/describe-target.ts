import type { PrefetchTarget } from '@shoal/api'

const NAMED_AT_MOST = 5

/** Where something is wanted, for people: `every node of rack r1`, `100 VMs, at most 2 a node`. */
export function describeTarget(target: PrefetchTarget): string {
  const { nodes, vms, vmsPerNode = 1, zone, rack, aggregate } = target
  const places = [['zone', zone] as const, ['rack', rack] as const, ['aggregate', aggregate] as const].flatMap(
    ([kind, name]) => (name === undefined ? [] : [`${kind} ${name}`]),
  )
  const where = places.length === 0 ? '' : ` of ${places.join(', ')}`
  if (nodes !== undefined) return `${listNames(nodes)}${where}`
  if (vms !== undefined)
    return `${vms} VM${vms === 1 ? '' : 's'}, at most ${vmsPerNode} a node,${where}`.replace(/,$/, '')
  return `every node${where}`
}

/** The first names, and how many more there are. */
export function listNames(names: readonly string[], count = names.length): string {
  const named = names.slice(0, NAMED_AT_MOST)
  const more = count - named.length
  return `${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}
