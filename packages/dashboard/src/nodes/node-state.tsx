import type { NodeRow } from '@shoal/api'
import { StateLabel } from '../parts/state-label.tsx'
import { NodeMode } from './node-mode.tsx'

type Shown = Pick<NodeRow, 'state' | 'trouble' | 'fetching' | 'mode' | 'modeReason' | 'isDrained'>

/** The state of a node, or why it is not well, or that it takes no part. */
export function NodeState({ node }: { node: Shown }) {
  const { state, trouble, fetching, mode } = node
  if (trouble === null && mode !== 'active') return <NodeMode node={node} />
  if (trouble === null) {
    return <StateLabel tone={fetching > 0 ? 'info' : 'success'} state={fetching > 0 ? 'fetching' : 'ready'} />
  }
  const isGone = state === 'lost' || trouble.code === 'disconnected'
  return (
    <>
      <NodeMode node={node} isShort />{' '}
      <span title={trouble.message}>
        <StateLabel tone={isGone ? 'danger' : 'warning'} state={trouble.code} /> {trouble.message}
      </span>
    </>
  )
}
