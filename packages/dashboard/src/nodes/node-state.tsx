import type { NodeRow } from '@shoal/api'
import { StateLabel } from '../parts/state-label.tsx'

/** The state of a node, and why it is not well. */
export function NodeState({
  node: { state, trouble, fetching },
}: {
  node: Pick<NodeRow, 'state' | 'trouble' | 'fetching'>
}) {
  if (trouble === null) {
    return <StateLabel tone={fetching > 0 ? 'info' : 'success'} state={fetching > 0 ? 'fetching' : 'ready'} />
  }
  const isGone = state === 'lost' || trouble.code === 'disconnected'
  return (
    <span title={trouble.message}>
      <StateLabel tone={isGone ? 'danger' : 'warning'} state={trouble.code} /> {trouble.message}
    </span>
  )
}
