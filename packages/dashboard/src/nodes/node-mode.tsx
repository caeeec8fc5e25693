import type { NodeRow } from '@shoal/api'
import { StateLabel } from '../parts/state-label.tsx'

/** Whether a node takes part, and why not; nothing of one that does. */
export function NodeMode({
  node: { mode, modeReason, isDrained },
}: {
  node: Pick<NodeRow, 'mode' | 'modeReason' | 'isDrained'>
}) {
  if (mode === 'active') return null
  const state = mode === 'draining' && isDrained ? 'drained' : mode
  return (
    <span title={modeReason}>
      <StateLabel tone={mode === 'quarantined' ? 'warning' : 'plain'} state={state} /> {modeReason}
    </span>
  )
}
