import type { PlacementProblem } from './placement-problem.ts'

/** The layers that VMs of an image need on a node, by number. */
export function layersOn(
  { chains, others }: Pick<PlacementProblem, 'chains' | 'others'>,
  image: number,
  node: number,
): readonly number[] {
  const other = others?.[image]
  return (other?.where[node] === 1 ? other.layers : chains[image]) ?? []
}
