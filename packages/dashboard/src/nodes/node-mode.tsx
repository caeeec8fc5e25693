import type { NodeRow } from '@shoal/api'
import { StateLabel } from '../parts/state-label.tsx'

/** That a node does not take part, and why; of one that does nothing. */
export function NodeMode({
  node: { state, mode, modeReason, isDrained },
  isShort = false,
}: {
  node: Pick<NodeRow, 'state' | 'mode' | 'modeReason' | 'isDrained'>
  /** Without the reason. */
  isShort?: boolean
}) {
  if (mode === 'active') return null
  const what = mode === 'draining' && isDrained ? 'drained' : mode
  const isAway = state !== 'ready' && isDrained
  return (
    <span title={modeReason}>
      <StateLabel tone={mode === 'quarantined' ? 'warning' : 'plain'} state={isAway ? `${what}, away` : what} />{' '}
      {isShort ? '' : modeReason}
    </span>
  )
}
