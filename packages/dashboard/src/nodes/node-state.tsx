import type { NodeRow } from '@shoal/api'
import { StateLabel } from '../parts/state-label.tsx'
import { NodeMode } from './node-mode.tsx'

type Shown = Pick<NodeRow, 'state' | 'trouble' | 'fetching' | 'mode' | 'modeReason' | 'isDrained'>

/** The state of a node, whether it takes part, and why it is not well. */
export function NodeState({ node }: { node: Shown }) {
  const { state, trouble, fetching } = node
  if (trouble === null) {
    return (
      <>
        {state === 'ready' ? (
          <StateLabel tone={fetching > 0 ? 'info' : 'success'} state={fetching > 0 ? 'fetching' : 'ready'} />
        ) : (
          <StateLabel tone="plain" state="away" />
        )}{' '}
        <NodeMode node={node} />
      </>
    )
  }
  const isGone = state === 'lost' || trouble.code === 'disconnected'
  return (
    <>
      <span title={trouble.message}>
        <StateLabel tone={isGone ? 'danger' : 'warning'} state={trouble.code} /> {trouble.message}
      </span>{' '}
      <NodeMode node={node} />
    </>
  )
}
