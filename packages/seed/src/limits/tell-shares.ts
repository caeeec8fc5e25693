import type { EventJournal } from '../events/event-journal.ts'
import type { Assignments } from '../nodes/assignments.ts'
import type { NodeRegistry } from '../nodes/node-registry.ts'
import type { RackNode, RackShares } from './rack-shares.ts'

/** The nodes that share uplinks. A rack of the same name in another zone is another one. */
export function rackNodes(
  registry: Pick<NodeRegistry, 'list'>,
  assignments: Pick<Assignments, 'ofNode'>,
): readonly RackNode[] {
  return registry.list().map(({ id, zone, rack, state, inventory }) => {
    const complete = new Set(
      inventory?.layers.filter((layer) => layer.state === 'complete').map(({ digest }) => digest) ?? [],
    )
    const isFetching = assignments
      .ofNode(id)
      .some(({ layer, limitBytesPerSecond }) => limitBytesPerSecond !== 0 && !complete.has(layer))
    return { node: id, rack: rack === '' ? '' : `${zone}/${rack}`, isAlive: state !== 'lost', isFetching }
  })
}

/** Divides the uplinks anew where it is time, and tells the nodes whose share is another one. */
export async function tellShares(
  shares: RackShares,
  assignments: Pick<Assignments, 'renewNodes'>,
  journal: Pick<EventJournal, 'append'>,
): Promise<void> {
  const told = shares.refresh()
  if (told.length === 0) return
  const { operations, announce } = assignments.renewNodes(told)
  await journal.append([], operations)
  announce()
}
