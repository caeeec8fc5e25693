import type { PlacementAnswer } from '@shoal/api'
import { formatBytes } from '../format/bytes.ts'
import { formatFacts, formatTable } from '../format/table.ts'

/** Places for people, with images by the names that they were asked for. */
export function describePlaces(answer: PlacementAnswer, names: ReadonlyMap<string, string>): string {
  const { placements, unplaced, nodesConsidered, nodesUsed, missingBytes, mostLoaded } = answer
  const vms = placements.reduce((sum, placed) => sum + placed.vms, 0)
  const facts = formatFacts([
    ['vms', `${vms} on ${nodesUsed} of ${nodesConsidered} nodes`],
    ['to move', formatBytes(missingBytes)],
    ['load', `${Math.round(mostLoaded * 10) / 10} at most, with these`],
    ['proof', describeProof(answer)],
  ])
  const table = formatTable(placements, [
    { title: 'NODE', value: ({ node }) => node },
    { title: 'VMS', align: 'right', value: (placed) => String(placed.vms) },
    { title: 'IMAGE', value: ({ image }) => names.get(image) ?? image },
    { title: 'MISSING', align: 'right', value: (placed) => formatBytes(placed.missingBytes) },
  ])
  const without = unplaced.map(
    ({ image, vms: count }) => `No node has room for ${count} of ${names.get(image) ?? image}.`,
  )
  return [facts, placements.length === 0 ? '' : table, without.join('\n')].filter((part) => part !== '').join('\n\n')
}

function describeProof({ isOptimal, gap }: PlacementAnswer): string {
  if (isOptimal) return 'no placement costs less'
  return `at most ${Math.ceil(gap * 1000) / 10} % of its cost could be saved`
}
