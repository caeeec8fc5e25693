import type { Node, NodeRegistration } from '@shoal/api'
import type { EventDraft } from '../events/event-journal.ts'
import type { ModeRecord } from './node-mode.ts'

/** What is kept of a node over restarts. */
export interface NodeRecord {
  readonly id: string
  readonly registration: NodeRegistration
  readonly reachable: boolean
  readonly reachability: string
  readonly isLost: boolean
  readonly lastSeenAt: string
  /** Undefined: active, and nobody ever said otherwise. */
  readonly mode?: ModeRecord
}

export function stateOf({ isLost, reachable }: NodeRecord): Node['state'] {
  if (isLost) return 'lost'
  return reachable ? 'ready' : 'unreachable'
}

/** The events that tell of a change of state. */
export function transition(before: NodeRecord, now: NodeRecord): EventDraft[] {
  const from = stateOf(before)
  const to = stateOf(now)
  const node = now.id
  if (from === to) return []
  if (to === 'lost') return [{ type: 'node.lost', node, message: `Node ${node} sends no heartbeats.` }]
  if (to === 'unreachable') return [{ type: 'node.unreachable', node, message: now.reachability }]
  return [{ type: 'node.returned', node, message: `Node ${node} is ready again.` }]
}
